"""What we use of the SDK without its leave is still there, under the names that we know."""

from typing import Any

from mcp import Client
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer
from mcp_types import EmptyResult, RequestParams

from mcp_handoff.mcp.sdk import connection_of, lowlevel_server


async def test_a_server_has_a_low_level_one_and_a_session_its_connection() -> None:
    seen: list[Any] = []

    async def answer(context: ServerRequestContext[Any, Any], _: RequestParams) -> EmptyResult:
        seen.append(connection_of(context.session))
        return EmptyResult()

    server = MCPServer[Any]("probe")
    inner = lowlevel_server(server)
    assert isinstance(inner, Server)
    inner.add_request_handler("ping", RequestParams, answer)
    async with Client(server, mode="legacy") as client:
        await client.session.send_ping()
    assert isinstance(seen[0], Connection)
    assert hasattr(seen[0], "exit_stack")
