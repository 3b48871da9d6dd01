"""The REST API as one application, to be mounted at /api."""

import logging
from functools import cache, partial
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_handoff import __version__
from mcp_handoff.admission import admission_of
from mcp_handoff.desk import Desk
from mcp_handoff.errors import HandoffError, Internal, MethodNotAllowed, NotFound
from mcp_handoff.rest import (
    all_tickets,
    builds,
    events,
    me,
    messages,
    overview,
    projects,
    redactions,
    repositories,
    runs,
    suggestions,
    takes,
    tickets,
    tokens,
    webhooks,
    work,
)
from mcp_handoff.rest.description import MOUNT_PATH, describe
from mcp_handoff.rest.docs_page import STATIC_PATH, add_docs_page
from mcp_handoff.rest.envelopes import error_response
from mcp_handoff.rest.observation import Observation
from mcp_handoff.validation import refusal

logger = logging.getLogger(__name__)

_NOTHING_HERE = NotFound("There is nothing at this address; /api/docs shows what there is.")
_DEFECT = Internal("Something went wrong in mcp-handoff itself.")
OTHER_METHOD = MethodNotAllowed("This address takes other methods; the Allow header names them.")


class DefectResponses:
    """Answers what no other handler expects, and lets the connection live: an exception that
    reached Starlette would end it, and the caller's next request with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            pass  # there is nobody to answer
        except Exception:
            request = Request(scope)
            logger.exception("%s %s failed", request.method, request.url.path)
            await _refuse(request, _DEFECT)(scope, receive, send)


def create_api(desk: Desk, report_key: str | None = None) -> FastAPI:
    """Return the API over a desk.

    With `report_key`, from which the runs' secrets are derived, builds can report on their runs.
    """
    api = FastAPIOffline(
        title="mcp-handoff",
        version=__version__,
        summary="Handoff tickets, bot builds and closing suggestions.",
        docs_url=None,
        redoc_url=None,
        static_url=STATIC_PATH,
        redirect_slashes=False,
    )
    api.openapi = cache(partial(describe, api))
    api.state.desk = desk
    api.state.report_key = report_key
    for module in (
        *(tickets, work, messages, me, projects, overview, all_tickets, takes, redactions),
        *(suggestions, builds, events, tokens, repositories, webhooks),
    ):
        api.include_router(module.router)
    if report_key is not None:
        api.include_router(runs.router)
    add_docs_page(api, MOUNT_PATH)
    api.add_middleware(DefectResponses)
    api.add_middleware(Observation, observe=desk.observe)
    api.add_exception_handler(HandoffError, _refuse_call)
    api.add_exception_handler(RequestValidationError, _refuse_parameters)
    api.add_exception_handler(HTTPException, _refuse_address)
    return api


async def _refuse_call(request: Request, error: Exception) -> Response:
    assert isinstance(error, HandoffError)
    return _refuse(request, error)


async def _refuse_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    bare = [{**detail, "loc": detail["loc"][1:]} for detail in error.errors()]
    return _refuse(request, refusal([cast(ErrorDetails, detail) for detail in bare]))


async def _refuse_address(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code != 405:
        return _refuse(request, _NOTHING_HERE)
    # The router names the methods of one route alone.
    routes: list[BaseRoute] = request.app.routes
    takes = [
        method
        for method in ("GET", "POST", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]
    response = _refuse(request, OTHER_METHOD)
    response.headers["Allow"] = ", ".join(takes)
    return response


def _refuse(request: Request, error: HandoffError) -> Response:
    admission_of(request.scope).error = error.code
    return error_response(error, request.url.path)
