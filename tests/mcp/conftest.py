"""Servers as clients meet them: processes, spoken to over stdio."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.databases import empty
from tests.mcp.agent import Agent
from tests.mcp.wire import environment

ERAS = ("2026-07-28", "legacy")
"""How a client connects: without a handshake, and with one."""


@pytest.fixture(scope="module", params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server(store: Path) -> StdioServerParameters:
    """How to start a server on the test's store, in project shop."""
    return over_stdio(store)


def over_stdio(store: Path) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_handoff"], env=environment(store)
    )


@pytest.fixture(scope="module")
def desk_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the store of `desk` lies."""
    return tmp_path_factory.mktemp("shared") / "handoff.db"


@pytest.fixture(scope="module")
async def client(desk_store: Path, era: str) -> AsyncIterator[Client]:
    """A client and its server, which a module's tests share."""
    async with Client(over_stdio(desk_store), mode=era) as connected:
        yield connected


@pytest.fixture
def desk(client: Client, desk_store: Path) -> Agent:
    """What that client calls; the store is empty."""
    empty(desk_store)
    return Agent(client)
