"""The three doors, what stands in front of them, and what the operators read."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend, Store
from mcp_handoff.calls import Call, log_call
from mcp_handoff.config import Settings
from mcp_handoff.errors import HandoffError, NotFound
from mcp_handoff.http.authentication import Authentication, Recognise, Resource
from mcp_handoff.http.body_limit import WholeBodies
from mcp_handoff.http.guard import Allowed, Guard
from mcp_handoff.http.metrics import Metrics
from mcp_handoff.http.rate_limit import RateLimit
from mcp_handoff.http.request_ids import HEADER, RequestIds
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.transports import BindSessions, HttpTransports
from mcp_handoff.projects import ListProjects
from mcp_handoff.rest.api import create_api
from mcp_handoff.rest.envelopes import answer


@dataclass(frozen=True, slots=True)
class Admission:
    """Who is let in: by Host and Origin, and by what `recognise` makes of a token.

    `origins` are those that browsers may call from, beside this machine's own.
    """

    allowed: Allowed
    origins: Sequence[str]
    recognise: Recognise | None
    resource: Resource | None


@dataclass(frozen=True, slots=True)
class App:
    """What `mcp-handoff serve` serves, within `sessions()`."""

    asgi: ASGIApp
    mcp: HandoffServer
    transports: HttpTransports

    def sessions(self) -> AbstractAsyncContextManager[None]:
        """Keep the MCP sessions while this is entered; leaving it ends them."""
        return self.transports.sessions()


def create_app(backend: Backend, settings: Settings, admission: Admission) -> App:
    """Return the application over `backend`, with what stands in front of it."""
    metrics = Metrics()

    def observe(call: Call) -> None:
        metrics.count(call)
        log_call(call)

    mcp = HandoffServer(backend, settings, observe)
    allowed = admission.allowed
    transports = HttpTransports(
        mcp, hosts=allowed.hosts, origins=allowed.origins, stateless=settings.is_shared
    )

    api = create_api(backend, settings.organization, observe, settings.dispatch_secret)
    doors = Starlette(
        routes=[
            *_operation(backend, metrics),
            *_metadata(admission.resource),
            Mount("/api", api),
            *transports.routes,
        ],
        exception_handlers={404: _nothing},
    )
    return App(_guarded(doors, settings, admission), mcp, transports)


def _guarded(doors: ASGIApp, settings: Settings, admission: Admission) -> ASGIApp:
    """Put in front of the doors what every request passes, the first one last."""
    app: ASGIApp = WholeBodies(BindSessions(doors))
    if settings.rate_limit:
        app = RateLimit(app, settings.rate_limit)
    app = Authentication(app, admission.recognise, admission.resource)
    if admission.origins:
        app = _shared(app, admission.origins)
    return RequestIds(Guard(app, admission.allowed))


def _shared(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Let pages of these origins call (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol)."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id", "Retry-After", "WWW-Authenticate", HEADER],
    )


def _operation(backend: Backend, metrics: Metrics) -> list[BaseRoute]:
    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readiness(_: Request) -> Response:
        return await _readiness(backend)

    async def figures(_: Request) -> Response:
        waiting = await backend.count_dispatches() if isinstance(backend, Store) else 0
        return metrics.exposition(waiting)

    return [Route("/healthz", health), Route("/readyz", readiness), Route("/metrics", figures)]


def _metadata(resource: Resource | None) -> list[BaseRoute]:
    if resource is None:
        return []

    async def metadata(_: Request) -> Response:
        return resource.metadata()

    return [Route(path, metadata) for path in resource.metadata_paths]


async def _nothing(request: Request, _: Exception) -> Response:
    message = "There is nothing at this address; /mcp, /sse and /api are the doors."
    return answer(NotFound(message), request.url.path)


async def _readiness(backend: Backend) -> Response:
    try:
        await backend.list_projects(Caller(bot("readiness")), ListProjects())
    except HandoffError as error:
        return JSONResponse({"status": "unavailable", "error": error.message}, status_code=503)
    return JSONResponse({"status": "ok"})
