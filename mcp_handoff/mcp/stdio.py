"""MCP over stdin and stdout, with and without a handshake on one connection.

The SDK's own stdio loop binds a connection to the lifecycle of its first request, drops a line that
it can't parse, and can't be stopped while it waits for input. Real clients probe with
`server/discover` and then fall back to `initialize`: so here every request goes to a loop of the
lifecycle that it is written for, an unreadable line gets its error (JSON-RPC 2.0, section 5.1), and
at EOF, SIGTERM and Ctrl-C the calls under way finish first and listen streams end with a result.
"""

import json
import logging
import signal
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream
from mcp.shared.dispatcher import as_request_id, coerce_request_id
from mcp.shared.message import SessionMessage
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    PROTOCOL_VERSION_META_KEY,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from mcp_handoff.mcp.outgoing import Outgoing
from mcp_handoff.mcp.pipes import LINE_BYTES, Input, Line, Output, TooLong, claim_descriptors
from mcp_handoff.mcp.server import HandoffServer

DRAIN_SECONDS = 10
"""How long calls under way may take once the client has left or a signal has come."""

Lifecycle = Literal["handshake", "stateless"]
"""Of a connection: with `initialize`, as until 2025-11-25, or without, as since 2026-07-28."""

_CANCELLED = "notifications/cancelled"

logger = logging.getLogger(__name__)


async def serve_stdio(server: HandoffServer) -> None:
    """Serve this process's stdin and stdout until EOF, SIGTERM or Ctrl-C; a second signal is
    obeyed at once."""
    wire_in, wire_out = claim_descriptors()
    reading = anyio.CancelScope()
    output = Output(wire_out, on_broken=reading.cancel)
    connection = _Connection(server, output)
    async with server.announcing(), anyio.create_task_group() as group:
        group.start_soon(_obey_signals, reading, group.cancel_scope)
        with reading:
            await connection.take(Input(wire_in), group)
        await connection.drain()
        group.cancel_scope.cancel()
    with anyio.move_on_after(DRAIN_SECONDS):
        await output.flush()


class _Connection:
    """One client: its calls under way, and a loop of the SDK's for each lifecycle that it uses.

    The loops take `7` and `"7"` for one id (`coerce_request_id`), and so do we.
    """

    def __init__(self, server: HandoffServer, output: Output) -> None:
        self._server = server
        self._output = output
        self._loops: dict[Lifecycle, MemoryObjectSendStream[SessionMessage | Exception]] = {}
        self._calls = Counter[RequestId]()
        self._idle = anyio.Event()

    async def take(self, lines: Input, group: TaskGroup) -> None:
        """Pass every line on to its loop until the client has left."""
        while (line := await lines.next_line()) is not None:
            message = _parse(line)
            if isinstance(message, JSONRPCError):
                self._write(message)
            else:
                await self._pass_on(message, group)

    async def drain(self) -> None:
        """End the listen streams and wait until the calls under way have ended, at most
        DRAIN_SECONDS."""
        self._server.end_streams()
        with anyio.move_on_after(DRAIN_SECONDS):
            while self._calls:
                self._idle = anyio.Event()
                await self._idle.wait()

    def send(self, message: JSONRPCMessage) -> None:
        """Write a message to the client, unless it responds to a call that was cancelled."""
        if not isinstance(message, JSONRPCResponse | JSONRPCError) or self._end(message.id):
            self._write(message)

    def _write(self, message: JSONRPCMessage) -> None:
        self._output.write(_dump(message) + b"\n")

    async def _pass_on(self, message: JSONRPCMessage, group: TaskGroup) -> None:
        if isinstance(message, JSONRPCNotification) and message.method == _CANCELLED:
            self._cancel((message.params or {}).get("requestId"))
        for lifecycle in self._lifecycles_of(message):
            if lifecycle not in self._loops:
                stream, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
                self._loops[lifecycle] = stream
                group.start_soon(self._server.serve_streams, incoming, Outgoing(self.send))
            if isinstance(message, JSONRPCRequest):
                self._calls[coerce_request_id(message.id)] += 1
            await self._loops[lifecycle].send(SessionMessage(message))

    def _lifecycles_of(self, message: JSONRPCMessage) -> list[Lifecycle]:
        if isinstance(message, JSONRPCRequest):
            # The key of the 2026-07-28 envelope in `_meta` is reserved.
            meta = (message.params or {}).get("_meta")
            has_envelope = isinstance(meta, Mapping) and PROTOCOL_VERSION_META_KEY in meta
            is_stateless = has_envelope and message.method != "initialize"
            return ["stateless"] if is_stateless else ["handshake"]
        if isinstance(message, JSONRPCNotification) and message.method == _CANCELLED:
            return list(self._loops)
        return ["stateless"] if self._loops.keys() == {"stateless"} else ["handshake"]

    def _end(self, request_id: RequestId | None) -> bool:
        """Note that a call has ended; tell whether it was still under way."""
        call = None if request_id is None else coerce_request_id(request_id)
        if call is None or not self._calls[call]:
            return False
        self._calls -= Counter([call])
        self._idle.set()
        return True

    def _cancel(self, request_id: object) -> None:
        cancelled = as_request_id(request_id)
        if cancelled is not None:
            self._calls.pop(coerce_request_id(cancelled), None)
            self._idle.set()


async def _obey_signals(reading: anyio.CancelScope, everything: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if reading.cancel_called:
                everything.cancel()
            reading.cancel()


def _parse(line: Line) -> JSONRPCMessage:
    """Return the message in a line, or the error that it gets."""
    if isinstance(line, TooLong):
        return _error(None, INVALID_REQUEST, f"The line is longer than {LINE_BYTES} bytes.")
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _parse_leniently(line)
    # A request whose id is none passes for a notification, which has no id.
    return _parse_leniently(line) if isinstance(message, JSONRPCNotification) else message


def _parse_leniently(line: bytes) -> JSONRPCMessage:
    """Take what the strict parser refuses but JSON allows, such as lone surrogates: whoever is
    called can then name the field that holds them."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return _error(None, PARSE_ERROR, "The line is not JSON, or is nested too deep.")
    request_id = _id_of(value)
    try:
        message = jsonrpc_message_adapter.validate_python(value, by_name=False)
    except ValidationError:
        return _error(request_id, INVALID_REQUEST, "The line is not a JSON-RPC 2.0 message.")
    if "method" in value and "id" in value and request_id is None:
        why = "A request's id must be an integer, or text without lone surrogates."
        return _error(None, INVALID_REQUEST, why)
    return message


def _id_of(value: Any) -> RequestId | None:
    """Return the id that a response can repeat, None where there is none."""
    match value:
        case {"id": str() as request_id}:
            return request_id if request_id == _writable(request_id) else None
        case {"id": int() as request_id} if not isinstance(request_id, bool):
            return request_id
        case _:
            return None


def _writable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _error(request_id: RequestId | None, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


def _dump(message: JSONRPCMessage) -> bytes:
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode()
    except PydanticSerializationError:
        logger.exception("a message could not be written")
        failed = _error(getattr(message, "id", None), INTERNAL_ERROR, "The result is not JSON.")
        return failed.model_dump_json(by_alias=True, exclude_unset=True).encode()
