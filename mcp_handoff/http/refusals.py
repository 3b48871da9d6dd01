"""Refusals of a request before its body was read."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from mcp_handoff.errors import HandoffError, Unauthenticated
from mcp_handoff.mcp.protocol_errors import refusal
from mcp_handoff.mcp.transports import is_mcp
from mcp_handoff.portal.addresses import is_page, sign_in_address
from mcp_handoff.portal.visits import refused
from mcp_handoff.rest.envelopes import STATUSES, error_response, response_of


def refuse_early(error: HandoffError, scope: Scope) -> Response:
    """Return an error's response that ends the connection: what is left of the body may never
    come, and nobody waits for it. Where MCP is spoken it has a message of its own, which clients
    show; whoever wanted to see a page sees one, or where to sign in."""
    path = scope["path"]
    if is_mcp(path):
        response = response_of(error, STATUSES[error.code], refusal(error))
    elif is_page(path) and isinstance(error, Unauthenticated):
        query = scope.get("query_string", b"").decode("latin-1")
        response = RedirectResponse(sign_in_address(path, query), status_code=303)
    elif is_page(path):
        response = refused(Request(scope), error, let_in=False)
    else:
        response = error_response(error, path)
    response.headers["Connection"] = "close"
    return response
