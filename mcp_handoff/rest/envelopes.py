"""How errors look over REST: one envelope for the ticket API, one for the builds API.

Shapes, statuses and types: the documented pages; `docs/rest.md` has the table of what can occur
where.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse

from mcp_handoff.errors import HandoffError

BUILDS_PREFIX = "/api/v1/"

STATUSES: Mapping[str, int] = {
    "VALIDATION_ERROR": 400,
    "MALFORMED": 400,
    "ROLES_REQUIRED": 400,
    "TICKET_CLOSED": 400,
    "ROLES_INCOMPLETE": 400,
    "IDEMPOTENCY_KEY_REUSED": 400,
    "UNSUPPORTED": 400,
    "TOOK_TOO_LONG": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "ALREADY_EXISTS": 409,
    "SUGGESTION_NOT_PENDING": 409,
    "EVIDENCE_CONTRADICTED": 409,
    "PROOF_REQUIRED": 409,
    "TICKET_TAKEN": 409,
    "TAKEN_OVER": 409,
    "OUTDATED": 409,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "CONFIGURATION": 500,
    "BACKEND_UNAVAILABLE": 502,
    "OUTCOME_UNKNOWN": 504,
}
"""From an error's code to the status of the ticket API."""

BUILD_TYPES: Mapping[str, tuple[int, str]] = {
    "VALIDATION_ERROR": (422, "validation_error"),
    "MALFORMED": (400, "invalid_error"),
    "ROLES_REQUIRED": (422, "validation_error"),
    "TICKET_CLOSED": (409, "conflict_error"),
    "SUGGESTION_NOT_PENDING": (409, "conflict_error"),
    "EVIDENCE_CONTRADICTED": (409, "conflict_error"),
    "PROOF_REQUIRED": (409, "conflict_error"),
    "TICKET_TAKEN": (409, "conflict_error"),
    "TAKEN_OVER": (409, "conflict_error"),
    "OUTDATED": (409, "conflict_error"),
    "ROLES_INCOMPLETE": (409, "conflict_error"),
    "IDEMPOTENCY_KEY_REUSED": (409, "conflict_error"),
    "ALREADY_EXISTS": (409, "already_exists_error"),
    "UNSUPPORTED": (400, "app_error"),
    "TOOK_TOO_LONG": (400, "invalid_error"),
    "UNAUTHENTICATED": (401, "authentication_error"),
    "FORBIDDEN": (403, "forbidden_error"),
    "NOT_FOUND": (404, "not_found_error"),
    "METHOD_NOT_ALLOWED": (405, "app_error"),
    "RATE_LIMITED": (429, "usage_limit_exceeded_error"),
    "INTERNAL": (500, "server_error"),
    "CONFIGURATION": (500, "configuration_error"),
    "BACKEND_UNAVAILABLE": (502, "bad_gateway_error"),
    "OUTCOME_UNKNOWN": (504, "gateway_timeout_error"),
}
"""From an error's code to the status and the type of the builds API."""


class Issue(BaseModel):
    """One thing that is wrong with a request."""

    path: str
    message: str


class TicketError(BaseModel):
    """The ticket API's error envelope."""

    error: str
    code: str | None = None
    fieldErrors: dict[str, str] | None = None  # noqa: N815 - the documented name
    issues: list[Issue] | None = None
    retryAfter: float | None = None  # noqa: N815 - the documented name
    state: str | None = None
    reconnect: bool | None = None


class BuildIssue(BaseModel):
    """One thing that is wrong with a request to the builds API."""

    loc: list[str | int]
    msg: str
    type: str


class BuildError(BaseModel):
    """The builds API's error envelope."""

    code: int
    detail: str
    errors: list[BuildIssue] | None = None
    type: str


Responses = dict[int | str, dict[str, Any]]

_PLAIN = {"text/plain": {"schema": {"type": "string"}}}
_BODIES: Responses = {
    408: {"description": "The body took more than 15 seconds", "content": _PLAIN},
    413: {
        "description": "The body has more than 4 MiB, a report more than 16 KiB",
        "content": _PLAIN,
    },
}
"""What is said of a body before this API sees it."""


def _documented(model: type[BaseModel], *statuses: int) -> Responses:
    return {status: {"model": model} for status in statuses}


def ticket_reads(*more: int) -> Responses:
    """Return how a reading call of the ticket API can fail, as OpenAPI documents it."""
    return _documented(TicketError, 401, 403, 429, 500, 502, *more)


def ticket_writes(*more: int) -> Responses:
    """Return how a writing call of the ticket API can fail, as OpenAPI documents it."""
    return ticket_reads(400, 504, *more) | _BODIES


BUILD_READS = _documented(BuildError, 401, 403, 404, 422, 429, 500, 502)
BUILD_WRITES = BUILD_READS | _documented(BuildError, 400, 409, 504) | _BODIES


def error_response(error: HandoffError, path: str) -> JSONResponse:
    """Return an error in the envelope of the API that a path belongs to."""
    of_builds = path.startswith(BUILDS_PREFIX)
    status, body = _build_error(error) if of_builds else _ticket_error(error)
    return response_of(error, status, body.model_dump(exclude_none=True))


def response_of(error: HandoffError, status: int, body: Any) -> JSONResponse:
    """Return a response with the headers that an error has in any envelope."""
    response = JSONResponse(body, status_code=status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if error.code == "UNAUTHENTICATED":
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _ticket_error(error: HandoffError) -> tuple[int, TicketError]:
    issues = [Issue(path=path, message=message) for path, message in error.fields.items()]
    return STATUSES[error.code], TicketError(
        error=error.message,
        code=error.code,
        fieldErrors=error.fields or None,
        issues=issues or None,
        retryAfter=error.retry_after,
        state=error.state,
    )


def _build_error(error: HandoffError) -> tuple[int, BuildError]:
    status, kind = BUILD_TYPES[error.code]
    issues = [
        BuildIssue(loc=["body", *path.split(".")], msg=message, type=kind)
        for path, message in error.fields.items()
    ]
    return status, BuildError(code=status, detail=error.message, errors=issues or None, type=kind)
