from pathlib import Path

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from tests import requests
from tests.mcp.desk import Desk
from tests.mcp.wire import environment
from tests.requests import TICKET


async def test_a_read_only_server_lists_what_reads_and_refuses_to_write(
    server: StdioServerParameters, store: Path, era: str, backend: Backend, caller: Caller
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    server.env = environment(store, HANDOFF_READ_ONLY="1")
    async with Client(server, mode=era) as client:
        desk = Desk(client)
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            "find_tickets",
            "get_ticket",
            "list_suggestions",
            "find_builds",
            "list_projects",
        ]
        error = await desk.refusal("create_ticket", {**TICKET, "title": "Another ticket"})
        assert error["code"] == "FORBIDDEN"
        assert len((await desk.call("find_tickets"))["tickets"]) == 1
