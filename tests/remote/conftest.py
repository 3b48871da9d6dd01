"""The client of an API as an agent meets it, in this process, and servers that fail it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client

from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk as ServedDesk
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.remote.client import ApiClient
from mcp_handoff.remote.remote_backend import RemoteBackend
from mcp_handoff.remote.retries import RetryPolicy
from tests.mcp.agent import Agent
from tests.remote.faults import FaultServer, unused_address
from tests.remote.stood_in import StandIn, started

BRISK = RetryPolicy(connect=20, read=30, call=60, wait=0.5, pause=0.001)
"""Waits for a busy machine, and hardly between attempts."""

TOKEN = "tickets-secret-1"

OpenDesk = Callable[..., AbstractAsyncContextManager[Agent]]


@pytest.fixture
def open_desk(tmp_path: Path) -> OpenDesk:
    """Open a desk over the API at an address."""

    @asynccontextmanager
    async def opened(address: str, policy: RetryPolicy = BRISK) -> AsyncGenerator[Agent]:
        tickets, builds = (ApiClient(address, "token-1", policy) for _ in range(2))
        backend = RemoteBackend(tickets, builds)
        settings = read_settings({"HANDOFF_PROJECT": "shop"}, tmp_path)
        server = HandoffServer(Toolbox(ServedDesk(backend, settings), settings))
        try:
            async with Client(server) as client:
                yield Agent(client)
        finally:
            await backend.close()

    return opened


@pytest.fixture
def api() -> Iterator[FaultServer]:
    """An API that is not ours."""
    with FaultServer() as server:
        yield server


@pytest.fixture
def our_api() -> Iterator[FaultServer]:
    """Another mcp-handoff."""
    with FaultServer(is_ours=True) as server:
        yield server


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address at which nobody listens."""
    yield from unused_address()


@pytest.fixture(scope="module")
def shared_stand_in() -> Iterator[StandIn]:
    with StandIn(TOKEN) as running:
        yield running


@pytest.fixture
def stand_in(shared_stand_in: StandIn) -> StandIn:
    """The documented APIs, which know one token and nothing of an earlier test."""
    shared_stand_in.begin_anew()
    return shared_stand_in


@pytest.fixture(scope="module")
async def client(shared_stand_in: StandIn) -> AsyncIterator[Client]:
    """A server process over the documented APIs, and its client, which a module's tests share."""
    async with Client(started(shared_stand_in, TOKEN)) as connected:
        yield connected


@pytest.fixture
def desk(client: Client, stand_in: StandIn) -> Agent:
    """What that client calls."""
    return Agent(client)
