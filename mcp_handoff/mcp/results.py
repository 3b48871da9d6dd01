"""What a call of a tool gives: an answer, or the error that explains why it did nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_handoff.errors import HandoffError, Internal

DEFECT = Internal("Something went wrong in mcp-handoff itself; its log on stderr has the details.")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The same as text and as structured content."""

    text: str
    structured: Mapping[str, Any]
    is_error: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as the protocol has it (revision 2026-07-28, Tools, CallToolResult)."""
        return {
            "content": [{"type": "text", "text": self.text}],
            "structuredContent": self.structured,
            "isError": self.is_error,
        }


def tool_error(error: HandoffError) -> ToolResult:
    """Return why a tool did nothing: one readable line with all that is known, and the same as
    fields."""
    text = f"{error.code}: {_whole_message(error)}"
    return ToolResult(text, {"error": error_fields(error)}, is_error=True)


def error_fields(error: HandoffError) -> dict[str, Any]:
    """Return what is known of an error, as fields."""
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
