"""The edge between us and MCP: results and errors as the protocol has them."""

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, CallToolResult, TextContent

from mcp_handoff.errors import BackendUnavailable, HandoffError, Internal, OutcomeUnknown
from mcp_handoff.mcp.answers import UNTRUSTED, describe, holds_untrusted
from mcp_handoff.schema import Record
from mcp_handoff.text import made_visible, visible

DEFECT = Internal("Something went wrong in mcp-handoff itself; its log on stderr has the details.")

_OURS = (Internal, BackendUnavailable, OutcomeUnknown)


def answered(result: Record) -> CallToolResult:
    """Return a result as a tool answers it: compact text, and the fields that are set."""
    structured, text = result.model_dump(mode="json", exclude_defaults=True), describe(result)
    if holds_untrusted(result):
        structured, text = {**structured, "notice": UNTRUSTED}, f"{UNTRUSTED}\n{text}"
    return CallToolResult(
        content=[TextContent(type="text", text=visible(text))],
        structured_content=made_visible(structured),
    )


def refused(error: HandoffError) -> CallToolResult:
    """Return an error as a tool answers it: one readable line, and its code and fields."""
    return CallToolResult(
        content=[TextContent(type="text", text=f"{error.code}: {error.message}")],
        structured_content={"error": as_json(error)},
        is_error=True,
    )


def protocol_error(error: HandoffError) -> MCPError:
    """Return an error as resources and prompts answer it."""
    code = INTERNAL_ERROR if isinstance(error, _OURS) else INVALID_PARAMS
    return MCPError(code=code, message=error.message, data={"error": as_json(error)})


def as_json(error: HandoffError) -> dict[str, Any]:
    """Return what programs read of an error."""
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
