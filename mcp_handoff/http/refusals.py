"""Refusals of a request before its body was read."""

from starlette.responses import Response

from mcp_handoff.errors import HandoffError
from mcp_handoff.rest.envelopes import error_response


def refuse_early(error: HandoffError, path: str) -> Response:
    """Return an error's response that ends the connection: what is left of the body may never
    come, and nobody waits for it."""
    response = error_response(error, path)
    response.headers["Connection"] = "close"
    return response
