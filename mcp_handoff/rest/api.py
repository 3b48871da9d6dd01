"""The REST API as one application, to be mounted at /api."""

import logging
from collections.abc import Mapping
from functools import cache, partial
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_handoff import __version__
from mcp_handoff.backend import Backend, Store
from mcp_handoff.calls import Observe
from mcp_handoff.errors import HandoffError, Internal, Malformed, MethodNotAllowed, NotFound
from mcp_handoff.rest import builds, me, projects, runs, suggestions, tickets
from mcp_handoff.rest.description import BEARER, describe
from mcp_handoff.rest.envelopes import answer
from mcp_handoff.rest.observation import Observation
from mcp_handoff.validation import refusal

logger = logging.getLogger(__name__)

_NOTHING_HERE = NotFound("There is nothing at this address; /api/docs shows what there is.")
_NOT_JSON = Malformed("The body must be one JSON object.")
_DEFECT = Internal("Something went wrong in mcp-handoff itself.")
_REFUSALS: Mapping[int, HandoffError] = {
    400: _NOT_JSON,
    405: MethodNotAllowed("This address takes other methods; the Allow header names them."),
}
"""What is said where no endpoint was reached, by the status that FastAPI has for it."""


class DefectAnswers:
    """Answers what no other handler expects, and lets the connection live: an exception that
    reached Starlette would end it, and the caller's next request with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            request = Request(scope)
            logger.exception("%s %s failed", request.method, request.url.path)
            await _told(request, _DEFECT)(scope, receive, send)


def create_api(
    backend: Backend, organization: str, observe: Observe, report_key: str | None = None
) -> FastAPI:
    """Return the API over `backend`; new projects belong to `organization`.

    With `report_key`, from which the runs' secrets are derived, builds can report on their runs.
    """
    api = FastAPIOffline(
        title="mcp-handoff",
        version=__version__,
        summary="Handoff tickets, bot builds and closing suggestions.",
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[BEARER],
    )
    api.openapi = cache(partial(describe, api))
    api.state.backend = backend
    api.state.organization = organization
    for module in (me, projects, tickets, suggestions, builds):
        api.include_router(module.router)
    if report_key and isinstance(backend, Store):
        api.include_router(runs.create_router(backend, report_key))
    api.add_middleware(DefectAnswers)
    api.add_middleware(Observation, observe=observe)
    api.add_exception_handler(HandoffError, _answer)
    api.add_exception_handler(RequestValidationError, _answer_invalid)
    api.add_exception_handler(HTTPException, _answer_http)
    return api


async def _answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, HandoffError)
    return _told(request, error)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = error.errors()
    if any(detail["type"] == "json_invalid" or detail["loc"] == ("body",) for detail in details):
        return _told(request, _NOT_JSON)
    inner = [cast(ErrorDetails, {**detail, "loc": detail["loc"][1:]}) for detail in details]
    return _told(request, refusal(inner))


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refused = _told(request, _REFUSALS.get(error.status_code, _NOTHING_HERE))
    if error.status_code == 405:
        refused.headers["Allow"] = ", ".join(_allowed(request))
    return refused


def _allowed(request: Request) -> list[str]:
    """Return the methods that an address takes; the router names those of one route alone."""
    routes: list[BaseRoute] = request.app.routes
    return [
        method
        for method in ("GET", "POST", "PATCH")
        if any(_takes(route, {**request.scope, "method": method}) for route in routes)
    ]


def _takes(route: BaseRoute, scope: Scope) -> bool:
    return route.matches(scope)[0] is Match.FULL


def _told(request: Request, error: HandoffError) -> Response:
    request.state.outcome = error.code
    return answer(error, request.url.path)
