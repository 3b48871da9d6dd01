"""Calls that wait, over HTTP."""

import sqlite3

import anyio
import anyio.lowlevel
import pytest

from tests.http.served import Served
from tests.mcp.agent import Agent
from tests.mcp.test_waiting import *  # noqa: F403 - each of its tests runs again here
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET

pytestmark = pytest.mark.proof

GIVEN_UP = 'handoff_calls_total{door="mcp",operation="create_ticket",outcome="CANCELLED"} '


class Waiting:
    """A create_ticket, and the moment from which the server is known to be at it."""

    def __init__(self, desk: Agent, title: str) -> None:
        self.begun = anyio.Event()
        self._desk = desk
        self._title = title

    async def call(self) -> None:
        arguments = {**TICKET, "title": self._title}
        await self._desk.client.call_tool("create_ticket", arguments, progress_callback=self._note)

    async def _note(self, progress: float, total: float | None, message: str | None) -> None:
        self.begun.set()


def given_up(served: Served) -> float:
    """Return how many creates were given up by their clients."""
    _, _, rest = served.http.get("/metrics").text.partition(GIVEN_UP)
    return float(rest.partition("\n")[0] or 0)


async def test_a_call_whose_client_has_left_is_not_begun(
    desk: Agent, served: Served, rival: sqlite3.Connection
) -> None:
    before = given_up(served)
    stays, leaves = Waiting(desk, "Waits for its turn"), Waiting(desk, "Given up by its client")
    with anyio.fail_after(TIMEOUT):
        async with anyio.create_task_group() as staying:
            staying.start_soon(stays.call)
            await stays.begun.wait()
            async with anyio.create_task_group() as leaving:
                leaving.start_soon(leaves.call)
                await leaves.begun.wait()
                leaving.cancel_scope.cancel()
            while given_up(served) == before:
                await anyio.lowlevel.checkpoint()
            rival.rollback()
        page = await desk.call("find_tickets")
    assert [ticket["title"] for ticket in page["tickets"]] == ["Waits for its turn"]
