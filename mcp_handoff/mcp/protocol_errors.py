"""Errors as the protocol has them: of resources, prompts, and requests that were not read."""

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST

from mcp_handoff.errors import BackendUnavailable, HandoffError, Internal, OutcomeUnknown
from mcp_handoff.mcp.results import error_fields
from mcp_handoff.text.characters import made_visible

_OURS = (Internal, BackendUnavailable, OutcomeUnknown)


def protocol_error(error: HandoffError, **data: str) -> MCPError:
    """Return an error as resources and prompts have it, with what else is told in its data."""
    code = INTERNAL_ERROR if isinstance(error, _OURS) else INVALID_PARAMS
    return MCPError(
        code=code, message=error.message, data={"error": error_fields(error), **made_visible(data)}
    )


def refusal(error: HandoffError) -> dict[str, Any]:
    """Return the message of an error for a request that was not read, and so has no id."""
    told = {
        "code": INVALID_REQUEST,
        "message": error.message,
        "data": {"error": error_fields(error)},
    }
    return {"jsonrpc": "2.0", "id": None, "error": told}
