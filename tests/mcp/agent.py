"""The desk as an agent sees it: tools to call, results to read."""

from collections.abc import Mapping
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, TextContent

from tests.requests import TICKET


class Agent:
    """Calls tools through the SDK's client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the structured result of a call that succeeds."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, text(result)
        assert result.structured_content is not None
        return result.structured_content

    async def refusal(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the error of a call that is refused."""
        result = await self.client.call_tool(tool, dict(arguments))
        assert result.is_error
        assert result.structured_content is not None
        error: dict[str, Any] = result.structured_content["error"]
        assert text(result) == f"{error['code']}: {error['message']}"
        assert "\n" not in error["message"]
        return error

    async def file_ticket(self, **arguments: Any) -> dict[str, Any]:
        """Return a ticket that was filed."""
        return (await self.call("create_ticket", **{**TICKET, **arguments}))["ticket"]

    async def suggest(self, ticket: int, **arguments: Any) -> str:
        """Return the id of a suggestion to close a ticket."""
        made = await self.call("suggest_close", ticket=ticket, evidence={"pr": 7}, **arguments)
        return made["suggestion"]["id"]


def text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))
