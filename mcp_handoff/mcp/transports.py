"""MCP over HTTP: Streamable HTTP at /mcp and SSE at /sse."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff.admission import admission_of
from mcp_handoff.errors import Forbidden
from mcp_handoff.mcp.http_calls import STREAMABLE_PATH, Session
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.subscriptions import RESPONSE
from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.principals import LOCAL, require_writer

SSE_PATH = "/sse"
MESSAGES_PATH = "/messages/"

_WRITING = frozenset(tool.name for tool in TOOLS if not tool.reads)


def is_mcp(path: str) -> bool:
    """Tell whether MCP is spoken at an address."""
    return path in (STREAMABLE_PATH, SSE_PATH) or path.startswith(MESSAGES_PATH)


def opens_stream(scope: Scope) -> bool:
    """Tell by the head of a request whether it asks for a stream that stays open. The SDK refuses
    one whose head says something else than its body."""
    if scope["method"] == "POST":
        method = Headers(scope=scope).get("mcp-method")
        return scope["path"] == STREAMABLE_PATH and method == "subscriptions/listen"
    return scope["method"] == "GET" and is_mcp(scope["path"])


def may_call_tool(scope: Scope) -> bool:
    """Tell by the head of a request whether it may be a call of a tool; the handshake revisions
    say it in the body alone."""
    method = Headers(scope=scope).get("mcp-method", "tools/call")
    return scope["method"] == "POST" and is_mcp(scope["path"]) and method == "tools/call"


class HttpTransports:
    """The routes of both transports over one server, and the sessions behind them.

    With `stateless`, Streamable HTTP keeps no session of the handshake revisions, so that each
    request may go to another server; a client of theirs then hears of no changes.
    """

    def __init__(
        self,
        server: HandoffServer,
        *,
        hosts: Sequence[str],
        origins: Sequence[str],
        stateless: bool,
    ) -> None:
        security = TransportSecuritySettings(
            allowed_hosts=list(hosts), allowed_origins=list(origins)
        )
        streamable = server.streamable_http_app(
            streamable_http_path=STREAMABLE_PATH,
            stateless_http=stateless,
            transport_security=security,
        )
        sse = server.sse_app(
            sse_path=SSE_PATH, message_path=MESSAGES_PATH, transport_security=security
        )
        self._server = server
        self._stateless = stateless
        self.routes: list[BaseRoute] = [*streamable.routes, *sse.routes]

    def session_of(self, session_id: str | None) -> Session | None:
        """Return who calls in a session of the handshake revisions, or without one where none is
        kept; None where that is nobody."""
        if session_id is not None:
            return self._server.session_of(session_id)
        return Session() if self._stateless else None

    @asynccontextmanager
    async def sessions(self) -> AsyncGenerator[None]:
        """Keep the sessions while this is entered; leaving it ends them."""
        async with self._server.session_manager.run(), self._server.announcing():
            yield


class SessionOwners:
    """Shows the SDK whose request it is, so that no session is used with another's token; and
    refuses at once what its head says is a call of a tool that this token may not make.

    RFC 6750, section 3.1, wants that refusal to be a 403. In the handshake revisions the tool's
    name is in the body alone; there the tool's result says it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal, headers = admission_of(scope).principal, Headers(scope=scope)
        app = self._app
        if headers.get("mcp-method") == "tools/call" and headers.get("mcp-name") in _WRITING:
            try:
                require_writer(principal)
            except Forbidden as error:
                body = {"error": error.message, "code": error.code}
                app = JSONResponse(body, status_code=403)
        if principal is not LOCAL:
            token = AccessToken(token="", client_id=principal.id, scopes=[])
            scope["user"] = AuthenticatedUser(token)
        await app(scope, receive, send)


class NotificationStreams:
    """Tells the server which sessions of the handshake revisions have the stream open on which they
    hear of changes (GET /mcp), and gives it the response that a listen stream is."""

    def __init__(self, app: ASGIApp, server: HandoffServer) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[RESPONSE] = send
        session_id = Headers(scope=scope).get("mcp-session-id")
        if session_id is None or (scope["method"], scope["path"]) != ("GET", STREAMABLE_PATH):
            await self._app(scope, receive, send)
            return
        with ExitStack() as opened:

            async def send_noting(message: Message) -> None:
                await send(message)
                if message.get("status") == 200:
                    opened.enter_context(self._server.stream_open(session_id))

            await self._app(scope, receive, send_noting)


class UnresumedStreams:
    """Keeps Last-Event-ID from the SDK, which answers it with 500 where no events are kept.

    A client that wants to resume a stream gets a new one, and reads again what it watches.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "last-event-id" in Headers(scope=scope):
            scope = {**scope, "headers": list(scope["headers"])}
            del MutableHeaders(scope=scope)["last-event-id"]
        await self._app(scope, receive, send)
