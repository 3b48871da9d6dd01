"""The doors as one application, what stands in front of them, and what the operators read."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from mcp_handoff.backend import Backend, Store
from mcp_handoff.calls import Call, log_call
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk
from mcp_handoff.errors import MethodNotAllowed, NotFound
from mcp_handoff.http.allowlist import Allowlist
from mcp_handoff.http.authentication import Authentication
from mcp_handoff.http.body_limit import BodyLimit
from mcp_handoff.http.capacity import Capacity, available_capacity
from mcp_handoff.http.code_flow import CodeFlow
from mcp_handoff.http.concurrency import Concurrency
from mcp_handoff.http.credentials import Credentials
from mcp_handoff.http.deliveries import delivery_route
from mcp_handoff.http.forwarding import Clients
from mcp_handoff.http.gate import Checks, Gate
from mcp_handoff.http.issuer_sign_in import IssuerSignIn
from mcp_handoff.http.metrics import Metrics
from mcp_handoff.http.operation import operation_routes
from mcp_handoff.http.rate_limit import RateLimit
from mcp_handoff.http.refusals import NOTHING_HERE, asks_for_page
from mcp_handoff.http.resource import Resource
from mcp_handoff.http.sessions import Sessions
from mcp_handoff.http.sign_in import sign_in_routes
from mcp_handoff.http.streams import OpenStreams
from mcp_handoff.http.wrong_tokens import WrongTokens
from mcp_handoff.mcp.http_calls import PlainCalls, Session
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.mcp.transports import (
    HttpTransports,
    NotificationStreams,
    SessionOwners,
    UnresumedStreams,
)
from mcp_handoff.portal.addresses import is_page
from mcp_handoff.portal.live import LivePages
from mcp_handoff.portal.pages import page_routes
from mcp_handoff.portal.visits import refused
from mcp_handoff.rest.api import OTHER_METHOD, create_api
from mcp_handoff.rest.description import MOUNT_PATH
from mcp_handoff.rest.envelopes import error_response
from mcp_handoff.waiting import Places


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in: by Host and Origin, and by which credentials; None asks for none.

    `origins` are those that browsers may call from, beside this machine's own. People sign in at
    the issuer where there is a `flow` for it.
    """

    allowlist: Allowlist
    origins: Sequence[str]
    credentials: Credentials | None
    resource: Resource | None
    flow: CodeFlow | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """What `mcp-handoff serve` serves, within `sessions()`, to as many as `capacity` says."""

    asgi: ASGIApp
    capacity: Capacity
    mcp: HandoffServer
    transports: HttpTransports
    streams: OpenStreams
    live: LivePages

    def end_streams(self) -> None:
        """End what stays open until it is ended, and answer the calls that wait."""
        self.mcp.end_streams()
        self.live.end()

    @asynccontextmanager
    async def sessions(self) -> AsyncGenerator[None]:
        """Keep the MCP sessions while this is entered; leaving it ends them."""
        async with self.transports.sessions(), self.streams.watched():
            yield


def create_application(backend: Backend, settings: Settings, access: Access) -> Application:
    """Return the application over `backend`, with what stands in front of it.

    Raises Misconfigured where too few files may be open.
    """
    capacity = available_capacity()
    metrics = Metrics()

    def observe(call: Call) -> None:
        if access.credentials is not None:
            access.credentials.heed(call)
        metrics.count(call)
        log_call(call)

    desk = Desk(backend, settings, observe, Places(capacity.waits, capacity.waits_of_one))
    toolbox = Toolbox(desk, settings)
    mcp = HandoffServer(toolbox)
    transports = HttpTransports(
        mcp,
        hosts=access.allowlist.hosts,
        origins=access.allowlist.origins,
        stateless=settings.backend.kind == "postgresql",
    )
    # Only a store keeps tokens, and the runs that builds report on.
    store = backend if isinstance(backend, Store) else None
    report_key = settings.dispatch_secret if store else None
    wrong_tokens, live = WrongTokens(), LivePages(desk)
    doors = Starlette(
        routes=[
            *operation_routes(backend, metrics),
            *_metadata_routes(access.resource),
            delivery_route(desk),
            Mount(MOUNT_PATH, create_api(desk, report_key)),
            *transports.routes,
            *_sign_in_routes(access, wrong_tokens, settings.public_url),
            *page_routes(desk, live),
        ],
        exception_handlers={404: _refuse_address, 405: _refuse_method},
    )
    streams = OpenStreams(NotificationStreams(doors, mcp), store, access.credentials)
    sessions = Sessions(SessionOwners(UnresumedStreams(streams)), capacity)

    def session_of(session_id: str | None) -> Session | None:
        session = transports.session_of(session_id)
        if session is not None and session_id is not None:
            sessions.use(session.principal_id or "", session_id)
        return session

    body_limit = BodyLimit(PlainCalls(sessions, toolbox, session_of))
    checks = Checks(
        clients=Clients(settings.trusted_proxies),
        allowlist=access.allowlist,
        authentication=Authentication(access.credentials, wrong_tokens),
        limit=RateLimit(settings.rate_limit) if settings.rate_limit else None,
        concurrency=Concurrency(capacity),
        keeps_deliveries=settings.backend.kind != "api",
        observe=metrics.count_refusal,
    )
    gate = Gate(body_limit, checks, access.resource, access.origins)
    return Application(gate, capacity, mcp, transports, streams, live)


def _sign_in_routes(
    access: Access, wrong_tokens: WrongTokens, public_url: str | None
) -> list[Route]:
    credentials, flow = access.credentials, access.flow
    if credentials is None or flow is None:
        return sign_in_routes(credentials, wrong_tokens, None)
    return [
        *sign_in_routes(credentials, wrong_tokens, flow.host),
        *IssuerSignIn(flow, credentials, wrong_tokens, public_url).routes,
    ]


def _metadata_routes(resource: Resource | None) -> list[Route]:
    if resource is None:
        return []

    async def metadata(_: Request) -> Response:
        return resource.metadata()

    return [Route(path, metadata) for path in resource.metadata_paths]


async def _refuse_address(request: Request, _: Exception) -> Response:
    path = request.url.path
    if is_page(path):
        return refused(request, NotFound("There is no such page."))
    if asks_for_page(request.scope):
        return refused(request, NOTHING_HERE, let_in=False)
    return error_response(NOTHING_HERE, path)


async def _refuse_method(request: Request, error: Exception) -> Response:
    """Refuse a method, in a browser as an address that forms alone lead to."""
    assert isinstance(error, HTTPException)
    if asks_for_page(request.scope) and request.method in ("GET", "HEAD"):
        response = refused(request, MethodNotAllowed("Only forms of other pages lead here."))
    else:
        response = error_response(OTHER_METHOD, request.url.path)
    response.headers.update(error.headers or {})
    return response
