"""The desk as an agent sees it: tools to call, results to read."""

import json
from collections.abc import Mapping
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, TextContent, TextResourceContents

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
        assert text(result).startswith(f"{error['code']}: {error['message']}")
        assert "\n" not in text(result)
        return error

    async def file_ticket(self, **arguments: Any) -> str:
        """Return the name of a ticket that was filed."""
        return (await self.call("create_ticket", **{**TICKET, **arguments}))["ticket"]

    async def whole(self, ticket: int | str) -> dict[str, Any]:
        """Return a ticket with all that is kept of it, its suggestions, builds and events."""
        read = await self.client.read_resource(f"handoff://tickets/{ticket}")
        content = read.contents[0]
        assert isinstance(content, TextResourceContents)
        return json.loads(content.text)

    async def trigger(self, ticket: int | str, **arguments: Any) -> str:
        """Return the id of the build that a ticket's run makes."""
        return (await self.call("trigger_bot_build", ticket=ticket, **arguments))["build_id"]

    async def suggest(self, ticket: int | str, **arguments: Any) -> str:
        """Return the id of a suggestion to close a ticket."""
        told = {"evidence": {"pr": 7}, **arguments}
        return (await self.call("suggest_close", ticket=ticket, **told))["suggestion_id"]

    async def act(self, suggestion: str, action: str, **arguments: Any) -> dict[str, Any]:
        """Return what became of a suggestion, and of its ticket."""
        about = {"suggestion_id": suggestion, "action": action, **arguments}
        return await self.call("act_on_suggestion", **about)

    async def find(self, **arguments: Any) -> list[str]:
        """Return the names of the tickets on a page."""
        page = await self.call("find_tickets", **arguments)
        return [ticket["ticket"] for ticket in page["tickets"]]

    async def builds(self, **arguments: Any) -> list[str]:
        """Return the ids of the builds on a page."""
        return [row["build_id"] for row in (await self.call("find_builds", **arguments))["builds"]]


def text(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))
