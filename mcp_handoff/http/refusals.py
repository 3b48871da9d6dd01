"""Refusals of a request before its body was read."""

from starlette.responses import Response

from mcp_handoff.errors import HandoffError
from mcp_handoff.mcp.results import refusal
from mcp_handoff.mcp.transports import is_mcp
from mcp_handoff.rest.envelopes import STATUSES, error_response, response_of


def refuse_early(error: HandoffError, path: str) -> Response:
    """Return an error's response that ends the connection: what is left of the body may never
    come, and nobody waits for it. Where MCP is spoken it has a message of its own, which clients
    show."""
    if is_mcp(path):
        response = response_of(error, STATUSES[error.code], refusal(error))
    else:
        response = error_response(error, path)
    response.headers["Connection"] = "close"
    return response
