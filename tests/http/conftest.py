"""A server as teams run it: a process, reached over HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.sse import sse_client

from tests.databases import empty
from tests.http.served import Served
from tests.mcp.agent import Agent

TRANSPORTS = ("2026-07-28", "legacy", "sse")


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the store of a server lies that a module's tests share."""
    return tmp_path_factory.mktemp("shared") / "handoff.db"


@pytest.fixture(scope="module")
def served(shared_store: Path) -> Iterator[Served]:
    """A server on loopback without tokens, in project shop."""
    with Served(shared_store) as running:
        yield running


@pytest.fixture
def alone(store: Path) -> Iterator[Served]:
    """The same for one test, which ends it."""
    with Served(store) as running:
        yield running


@pytest.fixture
def desk_store(served: Served) -> Path:
    """Where the store of `desk` lies."""
    return served.store


@pytest.fixture(params=TRANSPORTS)
async def desk(served: Served, request: pytest.FixtureRequest) -> AsyncIterator[Agent]:
    """A client of the server, by each way to speak MCP over HTTP; the store is empty."""
    empty(served.store)
    transport: str = request.param
    if transport == "sse":
        client = Client(sse_client(f"{served.url}/sse"))
    else:
        client = Client(f"{served.url}/mcp", mode=transport)
    async with client:
        yield Agent(client)
