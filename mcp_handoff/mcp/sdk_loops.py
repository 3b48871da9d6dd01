"""The SDK's loops: what serves all that is no plain call of a tool, on a connection of stdin and
stdout.

The SDK's own stdio loop binds a connection to the lifecycle of its first request, drops a line that
it can't parse, and can't be stopped while it waits for input. Real clients probe with
`server/discover` and then fall back to `initialize`: so here every request goes to a loop of the
lifecycle that it is written for, and an unreadable line gets its error (JSON-RPC 2.0, section 5.1).
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal

import anyio
from anyio.abc import TaskGroup, TaskStatus
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
from mcp_handoff.mcp.requests import CANCELLED
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.mcp.wire import LINE_BYTES, Line, TooLong

Lifecycle = Literal["handshake", "stateless"]
"""Of a connection: with `initialize`, as until 2025-11-25, or without, as since 2026-07-28."""

logger = logging.getLogger(__name__)


class SdkLoops:
    """One client's calls under way at the SDK, and a loop of it for each lifecycle that is used.

    The loops take `7` and `"7"` for one id (`coerce_request_id`), and so do we.
    """

    def __init__(self, toolbox: Toolbox, write: Callable[[bytes], None], group: TaskGroup) -> None:
        self._server = HandoffServer(toolbox)
        self._write_line = write
        self._group = group
        self._loops: dict[Lifecycle, MemoryObjectSendStream[SessionMessage | Exception]] = {}
        self._calls = Counter[RequestId]()
        self._idle = anyio.Event()

    async def announce(self, *, task_status: TaskStatus[None]) -> None:
        """Notify the subscribers of what changes, until cancelled."""
        async with self._server.announcing():
            task_status.started()
            await anyio.sleep_forever()

    async def shake_hands(self, request: bytes) -> None:
        """Have a handshake done that was answered already."""
        message = _parse(request)
        assert isinstance(message, JSONRPCRequest), "it was answered"
        await self._send_to("handshake", message)

    async def pass_on(self, line: Line) -> None:
        """Pass a line on to its loop."""
        message = _parse(line)
        if isinstance(message, JSONRPCError):
            self._write(message)
            return
        if isinstance(message, JSONRPCNotification) and message.method == CANCELLED:
            self._cancel((message.params or {}).get("requestId"))
        for lifecycle in self._lifecycles_of(message):
            if isinstance(message, JSONRPCRequest):
                self._calls[coerce_request_id(message.id)] += 1
            await self._send_to(lifecycle, message)

    def end_streams(self) -> None:
        """End every listen stream, open or still to come."""
        self._server.end_streams()

    async def drain(self) -> None:
        """Wait until the calls under way have ended."""
        while self._calls:
            self._idle = anyio.Event()
            await self._idle.wait()

    async def _send_to(self, lifecycle: Lifecycle, message: JSONRPCMessage) -> None:
        if lifecycle not in self._loops:
            stream, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
            self._loops[lifecycle] = stream
            self._group.start_soon(self._server.serve_streams, incoming, Outgoing(self._send))
        await self._loops[lifecycle].send(SessionMessage(message))

    def _send(self, message: JSONRPCMessage) -> None:
        """Write a message to the client, unless it responds to a call that was cancelled, or to a
        handshake that was answered already."""
        if not isinstance(message, JSONRPCResponse | JSONRPCError) or self._end(message.id):
            self._write(message)

    def _write(self, message: JSONRPCMessage) -> None:
        self._write_line(_dump(message))

    def _lifecycles_of(self, message: JSONRPCMessage) -> list[Lifecycle]:
        if isinstance(message, JSONRPCRequest):
            # The key of the 2026-07-28 envelope in `_meta` is reserved.
            meta = (message.params or {}).get("_meta")
            has_envelope = isinstance(meta, Mapping) and PROTOCOL_VERSION_META_KEY in meta
            is_stateless = has_envelope and message.method != "initialize"
            return ["stateless"] if is_stateless else ["handshake"]
        if isinstance(message, JSONRPCNotification) and message.method == CANCELLED:
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
