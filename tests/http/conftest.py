"""A server as teams run it: a process, reached over HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.sse import sse_client

from tests.http.served import Served
from tests.mcp.desk import Desk

TRANSPORTS = ("2026-07-28", "legacy", "sse")


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    """A server on loopback without tokens, in project shop."""
    with Served(store) as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
async def desk(served: Served, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A client of the server, over Streamable HTTP in both eras and over SSE."""
    transport: str = request.param
    if transport == "sse":
        client = Client(sse_client(f"{served.url}/sse"))
    else:
        client = Client(f"{served.url}/mcp", mode=transport)
    async with client:
        yield Desk(client)
