"""MCP over stdin and stdout, with and without a handshake on one connection.

Plain calls of tools go to the toolbox, what lies ready is answered from the file, and all else goes
to the SDK, which is loaded when it is first needed. At EOF, SIGTERM and Ctrl-C the calls under way
finish first and listen streams end with a result.
"""

import signal
from importlib import import_module
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from mcp_handoff.errors import HandoffError
from mcp_handoff.mcp.first_answers import FirstAnswers
from mcp_handoff.mcp.pipes import Input, Output
from mcp_handoff.mcp.plain_calls import respond
from mcp_handoff.mcp.progress import Report
from mcp_handoff.mcp.requests import (
    CANCELLED,
    INITIALIZED,
    STATELESS,
    Notification,
    PlainRequest,
    ToolCall,
    read_message,
    tool_call_of,
)
from mcp_handoff.mcp.responses import INTERNAL_ERROR, message, response
from mcp_handoff.mcp.results import tool_error
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.mcp.wire import Wire

if TYPE_CHECKING:
    from mcp_handoff.mcp.sdk_loops import SdkLoops

DRAIN_SECONDS = 10
"""How long calls under way may take once the client has left or a signal has come."""


async def serve_stdio(toolbox: Toolbox, wire: Wire, first: FirstAnswers) -> None:
    """Serve the wire until EOF, SIGTERM or Ctrl-C; a second signal is obeyed at once."""
    reading = anyio.CancelScope()
    output = Output(wire.output, on_broken=reading.cancel)
    async with anyio.create_task_group() as group:
        connection = _Connection(toolbox, first, output, group)
        group.start_soon(_obey_signals, reading, group.cancel_scope)
        with reading:
            await connection.take(Input(wire))
        with anyio.move_on_after(DRAIN_SECONDS):
            await connection.drain()
        group.cancel_scope.cancel()
    with anyio.move_on_after(DRAIN_SECONDS):
        await output.flush()


async def refuse_stdio(wire: Wire, first: FirstAnswers, error: HandoffError) -> None:
    """Tell whoever asks for anything that is not answered from the file why it can't be had, until
    the client has left or gone."""
    reading = anyio.CancelScope()
    lines, output = Input(wire), Output(wire.output, on_broken=reading.cancel)
    refused = {"code": INTERNAL_ERROR, "message": error.message}
    with reading:
        while (line := await lines.next_line()) is not None:
            text = line if isinstance(line, bytes) else b""
            match read_message(text):
                case PlainRequest() as request if answer := first.answer(request, text):
                    output.write(answer)
                case PlainRequest() as request if tool_call_of(request):
                    result = tool_error(error).as_json()
                    output.write(response(request.id, result, stateless=request.stateless))
                case PlainRequest() as request:
                    output.write(message(id=request.id, error=refused))
                case Notification():
                    pass
                case None:
                    output.write(message(id=None, error=refused))
    await output.flush()


class _Connection:
    """One client and its calls of tools under way."""

    def __init__(
        self, toolbox: Toolbox, first: FirstAnswers, output: Output, group: TaskGroup
    ) -> None:
        self._toolbox = toolbox
        self._first = first
        self._output = output
        self._group = group
        self._calls: dict[anyio.CancelScope, int | str] = {}
        self._idle = anyio.Event()
        self._has_initialized: bytes | None = None
        self._sdk: SdkLoops | None = None

    async def take(self, lines: Input) -> None:
        """Answer every line, or have it answered, until the client has left."""
        while (line := await lines.next_line()) is not None:
            if not (isinstance(line, bytes) and self._serve(line)):
                await (self._sdk or await self._load_sdk()).pass_on(line)

    async def drain(self) -> None:
        """End what waits and wait until the calls under way have ended."""
        self._toolbox.desk.end_waits()
        if self._sdk is not None:
            self._sdk.end_streams()
        while self._calls:
            self._idle = anyio.Event()
            await self._idle.wait()
        if self._sdk is not None:
            await self._sdk.drain()

    def _serve(self, line: bytes) -> bool:
        """Do what a line asks for; tell whether that could be done here."""
        match read_message(line):
            case PlainRequest() as request if answer := self._first.answer(request, line):
                self._output.write(answer)
            case PlainRequest() as request if call := self._call_of(request):
                scope = anyio.CancelScope()
                self._calls[scope] = request.id
                self._group.start_soon(self._perform, request, call, scope)
            case Notification() as notification:
                self._note(notification, line)
                return self._sdk is None
            case _:
                return False
        return True

    def _call_of(self, request: PlainRequest) -> ToolCall | None:
        """Return the call that a request is, of a tool that there is, by a client that is known."""
        call = tool_call_of(request)
        is_known = request.stateless or self._first.handshake is not None
        return call if call and is_known and call.name in self._toolbox else None

    async def _perform(
        self, request: PlainRequest, call: ToolCall, scope: anyio.CancelScope
    ) -> None:
        client = request.client if request.stateless else self._first.client
        revision = STATELESS if request.stateless else self._first.revision or ""
        visitor, report = self._toolbox.visitor(client, None), self._report_to(request)
        try:
            with scope:
                responded = await respond(self._toolbox, request, call, revision, visitor, report)
                self._output.write(responded)
        finally:
            del self._calls[scope]
            self._idle.set()

    def _report_to(self, request: PlainRequest) -> Report | None:
        """Return what reports progress to the client, None where it did not ask for it."""
        if request.progress_token is None:
            return None

        async def report(seconds: float, told: str) -> None:
            params = {"progressToken": request.progress_token, "progress": seconds, "message": told}
            self._output.write(message(method="notifications/progress", params=params))

        return report

    def _note(self, notification: Notification, line: bytes) -> None:
        """Heed a notification that the SDK need not be loaded for."""
        if notification.method == INITIALIZED:
            self._has_initialized = line
        elif notification.method == CANCELLED:
            cancelled = notification.params.get("requestId")
            for scope, call in self._calls.items():
                # As the SDK takes 7 and "7" for one id.
                if isinstance(cancelled, int | str) and str(call) == str(cancelled):
                    scope.cancel()

    async def _load_sdk(self) -> "SdkLoops":
        """Load the SDK, beside the calls under way, and let it know the client."""
        await anyio.to_thread.run_sync(import_module, "mcp_handoff.mcp.sdk_loops")
        from mcp_handoff.mcp.sdk_loops import SdkLoops

        self._sdk = SdkLoops(self._toolbox, self._output.write, self._group)
        await self._group.start(self._sdk.announce)
        if self._first.handshake is not None:
            await self._sdk.shake_hands(self._first.handshake)
        if self._has_initialized is not None:
            await self._sdk.pass_on(self._has_initialized)
        return self._sdk


async def _obey_signals(reading: anyio.CancelScope, everything: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if reading.cancel_called:
                everything.cancel()
            reading.cancel()
