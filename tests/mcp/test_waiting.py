"""A call that has to wait: its client hears of it, and may give it up."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET

pytestmark = pytest.mark.proof


@pytest.fixture
async def rival(desk_store: Path, desk: Agent) -> AsyncIterator[sqlite3.Connection]:
    """Another process's connection, which has the store's lock until it rolls back."""
    await desk.call("get_overview")  # from here on the server has its store open
    with closing(sqlite3.connect(desk_store, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


async def test_a_client_that_asked_hears_that_its_call_goes_on(
    desk: Agent, rival: sqlite3.Connection
) -> None:
    heard: list[tuple[float, str]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message or ""))
        if len(heard) == 2:
            rival.rollback()

    with anyio.fail_after(TIMEOUT):
        result = await desk.client.call_tool("create_ticket", TICKET, progress_callback=note)
    assert not result.is_error
    assert heard[0][0] < heard[1][0]
    assert "create_ticket waits its turn" in heard[0][1]
