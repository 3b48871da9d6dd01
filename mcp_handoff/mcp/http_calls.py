"""Plain calls of tools over Streamable HTTP, answered as one JSON document.

A call whose client asked for progress needs a stream, which the SDK makes; it also has whatever is
irregular, and says what is wrong with it.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff.admission import admission_of
from mcp_handoff.mcp.plain_calls import respond
from mcp_handoff.mcp.requests import (
    HANDSHAKES,
    STATELESS,
    PlainRequest,
    ToolCall,
    read_message,
    tool_call_of,
)
from mcp_handoff.mcp.responses import event
from mcp_handoff.mcp.toolbox import Toolbox

STREAMABLE_PATH = "/mcp"

PATIENCE_SECONDS = 1.0
"""After which time it is looked whether the client of a call has left."""

PING_SECONDS = 15.0
"""After which silence a call goes on as a stream that says it is still there: proxies cut what says
nothing for a minute."""

_STREAM = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_HANDSHAKES = frozenset(revision.encode() for revision in HANDSHAKES)


class Session(NamedTuple):
    """Who calls: the name of the client and the id of the principal, where they are known."""

    client: str | None = None
    principal_id: str | None = None


SessionOf = Callable[[str | None], Session | None]
"""Returns the session with an id, which counts as used now; without one, that of whoever calls
where no sessions are kept."""


class PlainCalls:
    """Answers the plain calls of tools that come to /mcp, and passes all else on."""

    def __init__(self, app: ASGIApp, toolbox: Toolbox, session_of: SessionOf) -> None:
        self._app = app
        self._toolbox = toolbox
        self._session_of = session_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _plain_headers(scope)
        if headers is None:
            await self._app(scope, receive, send)
            return
        body = await receive()
        found = self._find(headers, body, scope)
        if found is None:
            await self._app(scope, received_before(body, receive), send)
            return
        request, call, session = found
        visitor = self._toolbox.visitor(session.client, admission_of(scope))
        revision = headers[b"mcp-protocol-version"].decode()
        patience = _Patience(receive, send, ends_with_client=request.stateless)
        try:
            response = await respond(self._toolbox, request, call, revision, visitor)
        except asyncio.CancelledError:
            if not patience.client_has_left:
                raise
        else:
            await patience.send(response)
        finally:
            patience.end()

    def _find(
        self, headers: Mapping[bytes, bytes], body: Message, scope: Scope
    ) -> tuple[PlainRequest, ToolCall, Session] | None:
        """Return the call of a tool that there is, and in which session it comes; None for anything
        else."""
        is_whole = body["type"] == "http.request" and not body.get("more_body", False)
        request = read_message(body["body"]) if is_whole else None
        if not isinstance(request, PlainRequest) or request.progress_token is not None:
            return None
        call, principal = tool_call_of(request), admission_of(scope).principal
        if call is None or call.name not in self._toolbox:
            return None
        if principal.role == "reader" and self._toolbox.writes(call.name):
            return None  # refused with 403: `SessionOwners`
        if request.stateless != (headers[b"mcp-protocol-version"] == STATELESS.encode()):
            return None
        if request.stateless:
            is_named = headers.get(b"mcp-name") == call.name.encode()
            return (request, call, Session(request.client, principal.id)) if is_named else None
        if "wait_s" in call.arguments:
            return None  # it ends when the session says that it is cancelled
        named = headers.get(b"mcp-session-id")
        session = self._session_of(named.decode("latin-1") if named else None)
        is_own = session is not None and session.principal_id in (None, principal.id)
        return (request, call, session) if session and is_own else None


def _plain_headers(scope: Scope) -> Mapping[bytes, bytes] | None:
    """Return the headers of what may be a plain call, each of them there once; None for what is
    none."""
    if scope["path"] != STREAMABLE_PATH or scope["method"] != "POST":
        return None
    headers = dict[bytes, bytes](scope["headers"])
    accepted, content = headers.get(b"accept", b""), headers.get(b"content-type", b"")
    if (
        len(headers) < len(scope["headers"])
        or b"application/json" not in accepted
        or b"text/event-stream" not in accepted
        or not content.startswith(b"application/json")
    ):
        return None
    revision = headers.get(b"mcp-protocol-version")
    if revision == STATELESS.encode():
        is_call = headers.get(b"mcp-method") == b"tools/call" and b"mcp-session-id" not in headers
    else:
        is_call = revision in _HANDSHAKES
    return headers if is_call else None


def received_before(message: Message, receive: Receive) -> Receive:
    """Return what receives a message that was received already, and then what comes."""
    waiting = [message]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


class _Patience:
    """Watches over a call that takes long: after a while it goes on as a stream, and it may end
    with its client's leaving, which in the handshake revisions means nothing."""

    def __init__(self, receive: Receive, send: Send, *, ends_with_client: bool) -> None:
        self._receive = receive
        self._ends_with_client = ends_with_client
        self._send = send
        self._call = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._streams = False
        self.client_has_left = False
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PATIENCE_SECONDS, self._begin)

    async def send(self, response: bytes) -> None:
        """Send the response: as a document, or as the event that ends the stream."""
        self.end()
        if self._streams:
            await self._send({"type": "http.response.body", "body": event(response)})
            return
        length = (b"content-length", b"%d" % len(response))
        headers = [(b"content-type", b"application/json"), length]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": response})

    def end(self) -> None:
        """Watch no longer."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            with anyio.move_on_after(PING_SECONDS):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
                self.client_has_left = True
                if self._ends_with_client and self._call is not None:
                    self._call.cancel()
                return
            start = {"type": "http.response.start", "status": 200, "headers": _STREAM}
            if not self._streams:
                await self._send(start)
                self._streams = True
            ping = b": ping\r\n\r\n"
            await self._send({"type": "http.response.body", "body": ping, "more_body": True})
