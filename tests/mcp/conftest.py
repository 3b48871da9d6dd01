"""Servers as clients meet them: processes, spoken to over stdio."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.mcp.desk import Desk
from tests.mcp.wire import environment

ERAS = ("2026-07-28", "legacy")
"""How a client connects: without a handshake, and with one."""


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server(store: Path) -> StdioServerParameters:
    """How to start a server on the test's store, in project shop."""
    return StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_handoff"], env=environment(store)
    )


@pytest.fixture
async def desk(server: StdioServerParameters, era: str) -> AsyncIterator[Desk]:
    """A server and its client."""
    async with Client(server, mode=era) as client:
        yield Desk(client)
