"""mcp-handoff, as its own command starts it, with the fixtures of the conformance suite added."""

import sys
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import (
    CompleteResult,
    Completion,
    EmptyResult,
    Prompt,
    Resource,
    ResourceTemplate,
    SetLevelRequestParams,
    Tool,
)
from pydantic import AnyUrl

from mcp_handoff.cli.commands import main
from mcp_handoff.http import application
from mcp_handoff.mcp.sdk import lowlevel_server
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.toolbox import Toolbox
from tests.foreign.conformance_fixtures import (
    FIXTURE_PROMPTS,
    FIXTURE_TOOLS,
    WATCHED,
    add_fixtures,
)

FIXTURES = ("test://static-", "test://template/", WATCHED)
"""How the addresses of the suite's resources begin; any other one is ours, or nobody's."""


class ConformanceServer(HandoffServer):
    """The desk's server, which has beside its own what the SDK's registries hold."""

    def __init__(self, toolbox: Toolbox) -> None:
        super().__init__(toolbox)
        add_fixtures(self)
        lowlevel = lowlevel_server(self)
        lowlevel.add_request_handler("logging/setLevel", SetLevelRequestParams, _take_level)
        lowlevel.middleware.append(_do_for_fixtures)

    async def list_tools(self) -> list[Tool]:
        return [*await super().list_tools(), *await MCPServer.list_tools(self)]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> Any:
        kept = HandoffServer if name not in FIXTURE_TOOLS else MCPServer
        return await kept.call_tool(self, name, arguments, context)

    async def list_resources(self) -> list[Resource]:
        return [*await super().list_resources(), *await MCPServer.list_resources(self)]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        ours = await super().list_resource_templates()
        return [*ours, *await MCPServer.list_resource_templates(self)]

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Any:
        kept = MCPServer if str(uri).startswith(FIXTURES) else HandoffServer
        return await kept.read_resource(self, uri, context)

    async def list_prompts(self) -> list[Prompt]:
        return [*await super().list_prompts(), *await MCPServer.list_prompts(self)]

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Any, Any] | None = None,
    ) -> Any:
        kept = MCPServer if name in FIXTURE_PROMPTS else HandoffServer
        return await kept.get_prompt(self, name, arguments, context)


async def _take_level(_: ServerRequestContext[Any, Any], __: SetLevelRequestParams) -> EmptyResult:
    return EmptyResult()


async def _do_for_fixtures(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Take what the suite asks of its own resources and prompts that the desk does not have."""
    params = ctx.params or {}
    if (
        ctx.method in ("resources/subscribe", "resources/unsubscribe")
        and params.get("uri") == WATCHED
    ):
        return EmptyResult()
    if ctx.method == "completion/complete" and params["ref"].get("name") in FIXTURE_PROMPTS:
        return CompleteResult(completion=Completion(values=[]))
    return await call_next(ctx)


if __name__ == "__main__":
    application.HandoffServer = ConformanceServer
    sys.exit(main())
