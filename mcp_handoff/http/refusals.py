"""Refusals of a request before its body was read."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from mcp_handoff.errors import HandoffError, NotFound, Unauthenticated
from mcp_handoff.http.operation import HEALTH_PATH, METRICS_PATH, READY_PATH
from mcp_handoff.mcp.protocol_errors import refusal
from mcp_handoff.mcp.transports import is_mcp
from mcp_handoff.portal.addresses import is_page, sign_in_address
from mcp_handoff.portal.visits import refused
from mcp_handoff.rest.description import MOUNT_PATH
from mcp_handoff.rest.envelopes import STATUSES, error_response, response_of

_OPERATION_PATHS = frozenset({HEALTH_PATH, METRICS_PATH, READY_PATH})

NOTHING_HERE = NotFound(
    "There is nothing at this address; / is for people, /mcp, /sse and /api are for programs."
)


def asks_for_page(scope: Scope) -> bool:
    """Tell whether whoever sent a request sees the response as a page: at a page's address, or in a
    browser where nothing is for programs."""
    path = scope["path"]
    if is_page(path):
        return True
    is_rest = f"{path}/".startswith(f"{MOUNT_PATH}/")
    for_programs = is_rest or is_mcp(path) or path in _OPERATION_PATHS
    return not for_programs and "text/html" in Headers(scope=scope).get("accept", "")


def refuse_early(error: HandoffError, scope: Scope) -> Response:
    """Return an error's response that ends the connection: what is left of the body may never
    come, and nobody waits for it. Where MCP is spoken it has a message of its own, which clients
    show; whoever wanted to see a page sees one, or where to sign in, or that there is none."""
    path = scope["path"]
    if is_mcp(path):
        response = response_of(error, STATUSES[error.code], refusal(error))
    elif is_page(path) and isinstance(error, Unauthenticated):
        query = scope.get("query_string", b"").decode("latin-1")
        response = RedirectResponse(sign_in_address(path, query), status_code=303)
    elif asks_for_page(scope):
        is_nowhere = isinstance(error, Unauthenticated)
        response = refused(Request(scope), NOTHING_HERE if is_nowhere else error, let_in=False)
    else:
        response = error_response(error, path)
    response.headers["Connection"] = "close"
    return response
