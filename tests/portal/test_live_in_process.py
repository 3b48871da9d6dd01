"""Live pages whose readers stop reading, go and come at the same moment, or can't be served."""

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from mcp_handoff.actors import Caller
from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk
from mcp_handoff.portal.live import MOST_CARDS, WAITING, LivePages
from mcp_handoff.portal.pages import page_routes
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.mcp.wire import TIMEOUT

ROUNDS = 20
BATCHES = 3
"""Of MOST_CARDS tickets each, together far more than wait for a page."""


class Portal:
    """The portal over a store, in this process."""

    def __init__(self, backend: StoreBackend) -> None:
        self.backend = backend
        desk = Desk(backend, read_settings({"HANDOFF_PROJECT": "shop"}))
        self.live = LivePages(desk)
        self.app = Starlette(routes=page_routes(desk, self.live))

    async def file(self, caller: Caller, title: str) -> str:
        created = await self.backend.create_ticket(caller, requests.create_ticket(title=title))
        return created.ticket.reference or ""


class Reader:
    """An open page that reads while it `reads`."""

    def __init__(self, portal: Portal) -> None:
        self.reads = asyncio.Event()
        self.reads.set()
        self.heard = asyncio.Queue[bytes]()
        self.task = asyncio.create_task(portal.app(_SCOPE | {"state": {}}, self._stay, self._take))

    async def leave(self) -> None:
        """Go away, and see it out."""
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def event(self) -> str:
        """Return the next event but beats: `changed`, or the ticket of a card."""
        async with asyncio.timeout(TIMEOUT):
            while (sent := await self.heard.get()).startswith(b"event: beat"):
                pass
        kind, data = sent.decode().removeprefix("event: ").split("\n", 1)
        return json.loads(data.removeprefix("data: "))["ticket"] if kind == "card" else kind

    async def _stay(self) -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def _take(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            self.heard.put_nowait(message["body"])
        await self.reads.wait()


_SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/changes",
    "query_string": b"project=shop",
    "headers": [],
    "scheme": "http",
    "server": ("localhost", 80),
}


@pytest.fixture
async def portal(store: Path) -> AsyncIterator[Portal]:
    backend = StoreBackend(SqliteDatabase.open(store))
    yield Portal(backend)
    await backend.close()


async def opened(portal: Portal) -> Reader:
    """Open a page, and return once it hears."""
    reader = Reader(portal)
    async with asyncio.timeout(TIMEOUT):
        assert (await reader.heard.get()).startswith(b"event: beat")
    return reader


async def test_a_page_that_stops_reading_is_kept_few_events_and_told_to_read_itself_again(
    portal: Portal, caller: Caller
) -> None:
    slow, quick = await opened(portal), await opened(portal)
    slow.reads.clear()
    for batch in range(BATCHES):
        titles = [f"Ticket {number} of {batch}" for number in range(MOST_CARDS)]
        untold = {await portal.file(caller, title) for title in titles}
        while untold:
            untold.discard(await quick.event())
    last = await portal.file(caller, "The last one")
    while await quick.event() != last:
        pass
    slow.reads.set()
    heard = [await slow.event()]
    while heard[-1] != last:
        heard.append(await slow.event())
    assert "changed" in heard[:2]
    assert len(heard) <= WAITING + 1
    await slow.leave()
    await quick.leave()


async def test_a_page_that_comes_while_the_last_one_goes_hears(
    portal: Portal, caller: Caller
) -> None:
    page = await opened(portal)
    for turns in range(ROUNDS):
        page.task.cancel()
        for _ in range(turns):
            await asyncio.sleep(0)
        page = await opened(portal)
        name = await portal.file(caller, f"Ticket {turns}")
        assert await page.event() == name
    await page.leave()


async def test_pages_that_come_once_the_server_ends_end_at_once(portal: Portal) -> None:
    page = await opened(portal)
    portal.live.end()
    late = await opened(portal)
    async with asyncio.timeout(TIMEOUT):
        await asyncio.gather(page.task, late.task)
