"""The REST API as one application, to be mounted at /api."""

import logging
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mcp_handoff import __version__
from mcp_handoff.backend import Backend
from mcp_handoff.calls import Observe
from mcp_handoff.errors import HandoffError, Internal, Malformed, NotFound
from mcp_handoff.rest import builds, projects, suggestions, tickets
from mcp_handoff.rest.envelopes import answer
from mcp_handoff.rest.observation import Observation
from mcp_handoff.validation import refusal

logger = logging.getLogger(__name__)


def create_api(backend: Backend, organization: str, observe: Observe) -> FastAPI:
    """Return the API over `backend`; new projects belong to `organization`."""
    api = FastAPIOffline(
        title="mcp-handoff",
        version=__version__,
        summary="Handoff tickets, bot builds and closing suggestions.",
        redoc_url=None,
    )
    api.state.backend = backend
    api.state.organization = organization
    for module in (projects, tickets, suggestions, builds):
        api.include_router(module.router)
    api.add_middleware(Observation, observe=observe)
    api.add_exception_handler(HandoffError, _answer)
    api.add_exception_handler(RequestValidationError, _answer_invalid)
    api.add_exception_handler(HTTPException, _answer_http)
    api.add_exception_handler(Exception, _answer_defect)
    return api


async def _answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, HandoffError)
    return _told(request, error)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = error.errors()
    if any(detail["type"] == "json_invalid" or detail["loc"] == ("body",) for detail in details):
        return _told(request, Malformed("The body must be one JSON object."))
    inner = [cast(ErrorDetails, {**detail, "loc": detail["loc"][1:]}) for detail in details]
    return _told(request, refusal(inner))


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = "There is nothing at this address; /api/docs shows what there is."
    return _told(request, NotFound(message))


async def _answer_defect(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _told(request, Internal("Something went wrong in mcp-handoff itself."))


def _told(request: Request, error: HandoffError) -> Response:
    request.state.outcome = error.code
    return answer(error, request.url.path)
