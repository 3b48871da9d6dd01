"""How a tool call ends."""

from typing import Any

from tests.mcp.agent import Agent

OK = "OK"
_THEIRS = ("boom", "db-7", "html", "token-1", "other.example")
"""What the failing APIs say, and what they are told in confidence."""


async def outcome(desk: Agent, tool: str, **arguments: Any) -> str:
    """Return OK or the code of the error, which never holds what the API itself said."""
    result = await desk.client.call_tool(tool, arguments)
    assert result.structured_content is not None
    if not result.is_error:
        return OK
    assert not any(word in str(result) for word in _THEIRS)
    return result.structured_content["error"]["code"]
