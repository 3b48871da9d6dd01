"""What the operators of a server read: whether it lives, whether it can work, and its figures."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_handoff.admission import admission_of
from mcp_handoff.backend import Backend, Store
from mcp_handoff.errors import HandoffError
from mcp_handoff.http.metrics import Metrics
from mcp_handoff.http.shared_read import SharedRead
from mcp_handoff.principals import require_full_sight
from mcp_handoff.rest.envelopes import error_response

HEALTH_PATH = "/healthz"
METRICS_PATH = "/metrics"


def operation_routes(backend: Backend, metrics: Metrics) -> list[Route]:
    """Return /healthz, /readyz and /metrics."""
    check_ready = SharedRead(backend.check_ready)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readiness(_: Request) -> Response:
        try:
            await check_ready()
        except HandoffError as error:
            body = {"status": "unavailable", "error": error.message}
            return JSONResponse(body, status_code=503)
        return JSONResponse({"status": "ok"})

    async def figures(request: Request) -> Response:
        try:
            require_full_sight(admission_of(request.scope).principal)
            waiting = await backend.count_dispatches() if isinstance(backend, Store) else 0
        except HandoffError as error:
            return error_response(error, request.url.path)
        return metrics.exposition(waiting)

    return [
        Route(HEALTH_PATH, health),
        Route("/readyz", readiness),
        Route(METRICS_PATH, figures),
    ]
