"""What the operators of a server read: whether it lives, whether it can work, and its figures."""

import anyio
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
READY_PATH = "/readyz"
METRICS_PATH = "/metrics"

READY_SECONDS = 3.0
"""How long the backend may take to show that it can work."""


def operation_routes(backend: Backend, metrics: Metrics) -> list[Route]:
    """Return /healthz, /readyz and /metrics."""

    async def check_in_time() -> None:
        with anyio.fail_after(READY_SECONDS):
            await backend.check_ready()

    check_ready = SharedRead(check_in_time)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readiness(_: Request) -> Response:
        try:
            await check_ready()
        except HandoffError as error:
            return _unavailable(error.message)
        except TimeoutError:
            return _unavailable(f"It did not respond within {READY_SECONDS:.0f} seconds.")
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
        Route(READY_PATH, readiness),
        Route(METRICS_PATH, figures),
    ]


def _unavailable(why: str) -> Response:
    return JSONResponse({"status": "unavailable", "error": why}, status_code=503)
