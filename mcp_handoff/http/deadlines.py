"""How long a client may take to say what it wants and to take its answer, and how much it may say
at once: one that does not get on, or goes too far, is let go."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mcp_handoff.addresses import subnet_of
from mcp_handoff.http.connections import CONNECTION, Connections

HEAD_SECONDS = 10.0
"""How long the head of a request may take, from its first byte or from the connection's start."""

HEAD_BYTES = 64 * 1024
"""How long the head of a request may be."""

PIPELINED = 100
"""How many requests may wait on a connection until those before them are answered."""

PACKET_BYTES = 64 * 1024
"""How much is gathered to be sent at once."""

UNREAD_SECONDS = 15.0
"""How long an answer may wait for a client that does not read it."""


class DeadlineProtocol(HttpToolsProtocol):
    """HTTP/1.1 on one of `Connections`, with a deadline for whatever it waits for."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, CONNECTION: self}, _loop)
        self._connections = server_state
        self._head_bytes: int | None = None  # none while no head is being read
        self._begins_behind = False  # whether what was received last ends another request
        self._head = _Deadline(self.loop, HEAD_SECONDS, self.end)
        self._unread = _Deadline(self.loop, UNREAD_SECONDS, self.end)

    @property
    def address(self) -> str:
        return subnet_of(self.client[0]) if self.client else ""

    @property
    def is_between_requests(self) -> bool:
        return not self.cycle or self.cycle.response_complete

    @property
    def waits_for_client(self) -> bool:
        return self.is_between_requests or self.flow.write_paused

    @property
    def is_answered_early(self) -> bool:
        """Whether the client may still be sending a body that its answer did not wait for."""
        return bool(self.cycle and self.cycle.response_complete and self.cycle.more_body)

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        packet = _Packet(self.loop, transport, lambda: self.is_answered_early)
        self.transport = cast(asyncio.Transport, packet)
        self._connections.admit(self)
        self._head.start()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._begins_behind = False
        super().data_received(data)
        if self.is_between_requests:
            self._head.start()
        else:
            self._head.clear()
        if self._head_bytes is not None and not self.transport.is_closing():
            self._head_bytes += 0 if self._begins_behind else len(data)
            if self._head_bytes > HEAD_BYTES:
                self.send_400_response(f"A head has at most {HEAD_BYTES:,} bytes.")
        self._watch_closing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        # Blanks around a value are no part of it (RFC 9110, 5.5); the parser leaves those behind.
        super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        if len(self.pipeline) >= PIPELINED:
            raise ValueError(f"{PIPELINED} requests wait on this connection")  # answered with 400
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._begins_behind = True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.is_answered_early:
            self.transport.close()  # the body was not asked for, and may never come
            self.flow.resume_reading()
        self._watch_closing()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread.start()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._unread.clear()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.forget(self)
        self._head.clear()
        self._unread.clear()
        super().connection_lost(exc)
        self.app_state = {}  # it holds this connection

    def prove(self) -> None:
        """Take note that a valid token was shown; RateLimited when the server is full."""
        self._connections.prove(self)

    def end(self) -> None:
        self.transport.abort()

    def _watch_closing(self) -> None:
        if self.transport.is_closing():
            self._unread.start()


class _Deadline:
    """Calls a function unless it is cleared in time."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, missed: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._missed = missed
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Let the time run, unless it runs already."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._missed)

    def clear(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Packet:
    """A transport that sends what is written in one turn of the event loop as one packet: a head
    and a body that follow each other take one system call.

    While a client `sends_on`, closing ends our own side alone, and what comes is dropped until the
    client ends its own (RFC 9112, section 9.6): a reset would take the answer from it unread.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        sends_on: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._sends_on = sends_on
        self._has_ended = False
        self._parts: list[bytes] = []
        self._length = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)
        self._length += len(data)
        if self._length > PACKET_BYTES:
            self._send()  # whoever writes on hears at once that the client does not keep up

    def close(self) -> None:
        self._send()
        if not self._sends_on():
            self._transport.close()
        elif not self.is_closing():
            self._has_ended = True
            self._transport.write_eof()

    def is_closing(self) -> bool:
        return self._has_ended or self._transport.is_closing()

    def _send(self) -> None:
        if self._parts:
            data, self._parts, self._length = b"".join(self._parts), [], 0
            self._transport.write(data)
