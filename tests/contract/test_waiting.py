"""Calls that wait for a change of what they read, over every backend."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.admission import Admission
from mcp_handoff.backend import Backend
from mcp_handoff.builds import FindBuilds, GetBuild
from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import NotFound, RateLimited
from mcp_handoff.principals import Principal
from mcp_handoff.tickets import GetTicket
from mcp_handoff.validation import Arguments
from mcp_handoff.waiting import Places
from tests import requests
from tests.contract.api import ByToken
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

LONG = 50
"""Seconds that no test waits: a change comes before."""

SHORT = 1
"""Seconds that a test waits whose point is that they pass."""


class Waiter:
    """Whoever waits at a desk over the backend, in project shop."""

    def __init__(self, desk: Desk, principal: Principal | None = None) -> None:
        self.desk = desk
        admission = Admission(principal) if principal else Admission()
        self.visitor = Visitor("mcp", bot("agent-1"), admission, project="shop")
        self.seconds = 0.0

    async def ticket(self, name: str | int, seconds: int) -> Any:
        sent = Arguments(GetTicket, {"ticket": name, "wait_s": seconds})
        return await self._timed(self.desk.get_ticket(self.visitor, sent))

    async def builds(self, seconds: int, **asked: Any) -> Any:
        sent = Arguments(FindBuilds, {"wait_s": seconds, **asked})
        return await self._timed(self.desk.find_builds(self.visitor, sent))

    async def build(self, build_id: str, seconds: int) -> Any:
        sent = Arguments(GetBuild, {"build_id": build_id, "wait_s": seconds})
        return await self._timed(self.desk.get_build(self.visitor, sent))

    async def begun(self) -> None:
        """Return once it waits."""
        while self.visitor.admission.waits_for is None:
            await anyio.lowlevel.checkpoint()

    async def _timed(self, call: Awaitable[Any]) -> Any:
        begun = asyncio.get_running_loop().time()
        try:
            return await call
        finally:
            self.seconds = asyncio.get_running_loop().time() - begun


async def answered_amid(
    waiter: Waiter, call: Awaitable[Any], change: Callable[[int], Awaitable[object]]
) -> Any:
    """Return what a call answers while one change after the other is made: an API's wait has begun
    some time after the call that it is made for."""
    with anyio.fail_after(TIMEOUT):
        waiting = asyncio.ensure_future(call)
        await waiter.begun()
        number = 0
        while not waiting.done():
            number += 1
            await change(number)
            await anyio.lowlevel.checkpoint()
        return await waiting


def open_desk(backend: object, directory: Path, places: Places = Places()) -> Desk:  # noqa: B008
    """Return a desk over a backend, or over that of the one who waits where each has its own."""
    own = backend.of(bot("agent-1")) if isinstance(backend, ByToken) else backend
    settings = read_settings({"HANDOFF_PROJECT": "shop"}, directory)
    return Desk(cast(Backend, own), settings, waiting=places)


@pytest.fixture
def waiter(backend: Backend, tmp_path: Path) -> Waiter:
    return Waiter(open_desk(backend, tmp_path))


@pytest.fixture
async def ticket(backend: Backend, caller: Caller) -> str:
    created = await backend.create_ticket(caller, requests.create_ticket())
    return created.ticket.name


@pytest.fixture
async def other(backend: Backend, caller: Caller, ticket: str) -> str:
    title = "Search finds no umlauts"
    created = await backend.create_ticket(caller, requests.create_ticket(title=title))
    return created.ticket.name


@pytest.mark.parametrize("name", ["HO-1-shop", 1])
async def test_a_ticket_is_answered_at_its_next_change_as_it_is_then(
    waiter: Waiter, backend: Backend, caller: Caller, ticket: str, name: str | int
) -> None:
    async def say(number: int) -> None:
        await backend.add_message(caller, requests.add_message(ticket, f"Message {number}"))

    read = await answered_amid(waiter, waiter.ticket(name, LONG), say)
    assert [message.body[:8] for message in read.messages[:1]] == ["Message "]
    assert waiter.seconds < LONG


async def test_a_build_is_answered_when_it_went_further(
    waiter: Waiter, backend: Backend, caller: Caller, build: str
) -> None:
    async def rename(number: int) -> None:
        change = requests.update_build(build, display_name=f"Build {number}")
        await backend.update_build(caller, change)

    read = await answered_amid(waiter, waiter.build(build, LONG), rename)
    assert read.display_name.startswith("Build ")
    page = await answered_amid(waiter, waiter.builds(LONG, build_id=build), rename)
    assert [found.id for found in page.items] == [build]
    assert waiter.seconds < LONG


@pytest.mark.parametrize("asked", [{}, {"ticket": "HO-1-shop"}])
async def test_builds_are_answered_when_one_is_triggered(
    waiter: Waiter, backend: Backend, caller: Caller, ticket: str, asked: dict[str, Any]
) -> None:
    known: list[str] = []

    async def trigger(number: int) -> None:
        request = requests.trigger_bot_build(ticket, **({"replaces": known[-1]} if known else {}))
        triggered = await backend.trigger_bot_build(caller, request)
        known.append(triggered.ticket.ai_output["build_run"]["build_id"])

    page = await answered_amid(waiter, waiter.builds(LONG, **asked), trigger)
    assert known[0] in [found.id for found in page.items]
    assert waiter.seconds < LONG


async def test_the_changes_of_others_end_no_wait_and_what_is_there_is_answered_in_time(
    waiter: Waiter, backend: Backend, caller: Caller, ticket: str, other: str
) -> None:
    async def say(number: int) -> None:
        await backend.add_message(caller, requests.add_message(other, f"Message {number}"))

    read = await answered_amid(waiter, waiter.ticket(ticket, SHORT), say)
    assert (read.ticket.name, read.messages) == (ticket, [])
    assert waiter.seconds >= SHORT
    # Nor is it a change of the ticket's builds that it is spoken of.
    page = await answered_amid(waiter, waiter.builds(SHORT, ticket=other), say)
    assert (page.items, waiter.seconds >= SHORT) == ([], True)


async def test_what_is_not_there_is_not_waited_for(waiter: Waiter, ticket: str) -> None:
    with anyio.fail_after(TIMEOUT):
        with pytest.raises(NotFound):
            await waiter.ticket(99, LONG)
        with pytest.raises(NotFound):
            await waiter.builds(LONG, ticket=99)
        with pytest.raises(NotFound):
            await waiter.build("00000000-0000-4000-8000-000000000000", LONG)


async def test_every_wait_is_answered_when_they_are_ended_and_nothing_waits_any_more(
    waiter: Waiter, ticket: str
) -> None:
    with anyio.fail_after(TIMEOUT):
        waiting = asyncio.ensure_future(waiter.ticket(ticket, LONG))
        await waiter.begun()
        waiter.desk.end_waits()
        assert (await waiting).ticket.name == ticket
        assert (await waiter.ticket(ticket, LONG)).ticket.name == ticket
    assert waiter.seconds < LONG


async def test_no_more_calls_wait_than_there_are_places_for(
    backend: Backend, tmp_path: Path, ticket: str
) -> None:
    desk = open_desk(backend, tmp_path, Places(in_all=3, of_one=2))
    ada, bea = (Principal(name, name, "bot") for name in ("ada", "bea"))
    waiters = [Waiter(desk, principal) for principal in (ada, ada, bea)]
    with anyio.fail_after(TIMEOUT):
        waiting = [asyncio.ensure_future(each.ticket(ticket, LONG)) for each in waiters]
        for each in waiters:
            await each.begun()
        with pytest.raises(RateLimited, match="calls wait here") as refused:
            await Waiter(desk, bea).ticket(ticket, LONG)
        assert refused.value.retry_after
        given_up = waiting.pop()
        given_up.cancel()
        await asyncio.wait([given_up])
        with pytest.raises(RateLimited, match="2 calls wait with this token"):
            await Waiter(desk, ada).ticket(ticket, LONG)
        assert (await Waiter(desk, ada).ticket(ticket, 0)).ticket.name == ticket
        desk.end_waits()
        for call in waiting:
            await call
