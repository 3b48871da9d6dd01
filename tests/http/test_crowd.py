"""Several clients at one server at once."""

from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.client.sse import sse_client

from tests.http.served import Served
from tests.mcp.agent import Agent

pytestmark = pytest.mark.proof

CLIENTS, TICKETS = 9, 20


async def test_clients_of_every_transport_file_at_once_and_nothing_is_lost(store: Path) -> None:
    filed: list[str] = []

    async def file_tickets(client: Client, name: int) -> None:
        async with client:
            for position in range(TICKETS):
                title = f"Fault {position} that client {name} found"
                filed.append(await Agent(client).file_ticket(title=title))

    with Served(store) as served:
        async with anyio.create_task_group() as group:
            for name in range(CLIENTS):
                group.start_soon(file_tickets, connection(served, name), name)
    expected = [f"HO-{number}-shop" for number in range(1, CLIENTS * TICKETS + 1)]
    assert sorted(filed) == sorted(expected)


def connection(served: Served, name: int) -> Client:
    """Return a client: over Streamable HTTP in each era, and over SSE, by turns."""
    match name % 3:
        case 0:
            return Client(f"{served.url}/mcp", mode="2026-07-28")
        case 1:
            return Client(f"{served.url}/mcp", mode="legacy")
        case _:
            return Client(sse_client(f"{served.url}/sse"))
