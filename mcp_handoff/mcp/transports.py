"""MCP over HTTP: Streamable HTTP at /mcp and SSE at /sse."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.tokens import Principal

STREAMABLE_PATH = "/mcp"
SSE_PATH = "/sse"


class HttpTransports:
    """The routes of both transports over one server, and the sessions behind them.

    With `stateless`, Streamable HTTP keeps no session of the handshake era, so that each request
    may go to another server; a client of that era then hears of no changes.
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
        sse = server.sse_app(sse_path=SSE_PATH, transport_security=security)
        self._server = server
        self.routes: list[BaseRoute] = [*streamable.routes, *sse.routes]

    @asynccontextmanager
    async def sessions(self) -> AsyncGenerator[None]:
        """Keep the sessions while this is entered; leaving it ends them."""
        async with self._server.session_manager.run(), self._server.following():
            yield


class BindSessions:
    """Tells the SDK whose request it is, so that no session is used with another's token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal | None = scope.get("state", {}).get("principal")
        if principal is not None:
            token = AccessToken(token="", client_id=principal.id, scopes=[])
            scope["user"] = AuthenticatedUser(token)
        await self._app(scope, receive, send)
