"""Errors as MCP has them: of tools, and of the protocol."""

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, CallToolResult, TextContent

from mcp_handoff.errors import BackendUnavailable, HandoffError, Internal, OutcomeUnknown
from mcp_handoff.text import made_visible

DEFECT = Internal("Something went wrong in mcp-handoff itself; its log on stderr has the details.")

_OURS = (Internal, BackendUnavailable, OutcomeUnknown)


def tool_error(error: HandoffError) -> CallToolResult:
    """Return why a tool did nothing: one readable line with all that is known, and the same as
    fields."""
    return CallToolResult(
        content=[TextContent(type="text", text=f"{error.code}: {_whole_message(error)}")],
        structured_content={"error": _as_json(error)},
        is_error=True,
    )


def _whole_message(error: HandoffError) -> str:
    """Return an error's message with what it does not say itself of its fields, its state and how
    long to wait."""
    told = [error.message]
    unsaid = [f"{name} {why}" for name, why in error.fields.items() if name not in error.message]
    if unsaid:
        told.append(f"{'; '.join(unsaid)}.")
    if error.state is not None and error.state not in error.message:
        told.append(f"It is {error.state}.")
    if error.retry_after is not None:
        wait = f"{error.retry_after:.0f} s"
        if wait not in error.message:
            told.append(f"Retry after {wait}.")
    return " ".join(told)


def protocol_error(error: HandoffError, **data: str) -> MCPError:
    """Return an error as resources and prompts have it, with what else is told in its data."""
    code = INTERNAL_ERROR if isinstance(error, _OURS) else INVALID_PARAMS
    return MCPError(
        code=code, message=error.message, data={"error": _as_json(error), **made_visible(data)}
    )


def refusal(error: HandoffError) -> dict[str, Any]:
    """Return the message of an error for a request that was not read, and so has no id."""
    told = {"code": INVALID_REQUEST, "message": error.message, "data": {"error": _as_json(error)}}
    return {"jsonrpc": "2.0", "id": None, "error": told}


def _as_json(error: HandoffError) -> dict[str, Any]:
    details = {
        "fields": error.fields or None,
        "retry_after": error.retry_after,
        "state": error.state,
    }
    return {
        "code": error.code,
        "message": error.message,
        **{name: value for name, value in details.items() if value is not None},
    }
