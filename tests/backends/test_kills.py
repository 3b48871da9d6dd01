"""What was acknowledged is there after kill -9, and nothing is half there."""

import json
import random
import signal
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.errors import NotFound
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.children import child, children
from tests.backends.invariants import assert_whole, lost, takes_in_history
from tests.backends.rivals import racers, told_at_once
from tests.backends.writer_process import CALLER, Acknowledgement
from tests.databases import EVERY_DATABASE, open_database

pytestmark = pytest.mark.proof

KILLS = 20
"""Kills of one store, one after the other: 200 in the ten runs of the first test."""

TAKERS = 4
"""Processes that take from one store and are killed together."""

SECONDS = 120

Taken = tuple[str, str, int]
"""A ticket, its role, and the fence under which that was taken."""


@pytest.mark.parametrize("seed", range(10))
async def test_every_acknowledged_write_outlives_kill_9_and_none_is_half_there(
    store: Path, seed: int
) -> None:
    dice, acknowledged = random.Random(seed), list[Acknowledgement]()
    for kill in range(KILLS):
        acknowledged += await acknowledged_before_kill(store, kill, patience(dice))
        await assert_whole(store, acknowledged)


@pytest.mark.parametrize("seed", range(3))
async def test_every_acknowledged_write_to_postgresql_outlives_the_kill_of_its_writer(
    postgres: str, seed: int
) -> None:
    dice, acknowledged = random.Random(seed), list[Acknowledgement]()
    for kill in range(KILLS // 2):
        acknowledged += await acknowledged_before_kill(postgres, kill, patience(dice))
        await assert_whole(postgres, acknowledged)


async def test_a_process_beside_the_killed_one_reads_its_writes_and_goes_on(store: Path) -> None:
    dice, acknowledged = random.Random(0), list[Acknowledgement]()
    database = SqliteDatabase.open(store)
    backend = StoreBackend(database)
    for kill in range(KILLS):
        acknowledged += await acknowledged_before_kill(store, kill, patience(dice))
        request = requests.create_ticket(idempotency_key=f"beside {kill}")
        await backend.create_ticket(CALLER, request)
        assert await database.read(partial(lost, acknowledged=acknowledged)) == []
        await assert_whole(store, acknowledged)
    await backend.close()


async def test_eight_processes_that_open_the_store_of_a_killed_one_at_once_all_work(
    tmp_path: Path,
) -> None:
    async with racers(8) as rivals:
        for kill in range(KILLS // 2):
            store = tmp_path / f"{kill}.db"
            acknowledged = await acknowledged_before_kill(store, kill, 10)
            answers = await told_at_once(rivals, f"open_and_create {store}")
            assert [answer.get("message") for answer in answers] == [None] * 8
            await assert_whole(store, acknowledged)


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_every_acknowledged_take_outlives_kill_9_of_all_takers_and_none_is_half_there(
    request: pytest.FixtureRequest, name: str
) -> None:
    store = str(request.getfixturevalue(name))
    dice, acknowledged = random.Random(0), list[Acknowledgement]()
    for kill in range(KILLS // 4):
        told = await told_by_takers(store, kill, patience(dice) // TAKERS + 1)
        acknowledged += [given for given in told if given["operation"] != "ask"]
        await assert_whole(store, acknowledged)
    takes = [given for given in acknowledged if given["operation"] == "take_ticket"]
    assert len({(one["ticket"], one["role"], one["fence"]) for one in takes}) == len(takes)
    assert {given["operation"] for given in acknowledged} > {"take_ticket"}


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_a_take_that_is_asked_for_again_after_the_kill_is_taken_once_and_answered_the_same(
    request: pytest.FixtureRequest, name: str
) -> None:
    store = str(request.getfixturevalue(name))
    dice, taken = random.Random(1), dict[str, Taken]()
    for kill in range(KILLS // 4):
        told = await told_by_takers(store, kill, patience(dice) // TAKERS + 1)
        asks = [one for one in told if one["operation"] == "ask"]
        answered = {
            one["word"]: (one["ticket"], one["role"], one["fence"])
            for one in told
            if one["operation"] == "take_ticket"
        }
        backend = StoreBackend(open_database(store))
        first, again = await ask_again(backend, asks), await ask_again(backend, asks)
        assert first == again == {**first, **answered}
        taken |= first
        history = await backend.database.read(takes_in_history)
        assert sorted(history) == sorted(taken.values())
        await backend.close()
        await assert_whole(store)


def patience(dice: random.Random) -> int:
    """Return after how many acknowledgements to kill: 1 to 362, each order of magnitude alike."""
    return int(2 ** dice.uniform(0, 8.5))


async def acknowledged_before_kill(
    store: Path | str, run: int, after: int
) -> list[Acknowledgement]:
    """Let a process write, kill it once `after` writes were acknowledged; return all that were."""
    with anyio.fail_after(SECONDS):
        async with child("writer_process", str(store), str(run)) as writer:
            lines = [await writer.line() for _ in range(after)]
            lines += await writer.kill()
            assert await writer.exit_code() == -signal.SIGKILL
    return [json.loads(line) for line in lines]


async def told_by_takers(store: str, run: int, after: int) -> list[Acknowledgement]:
    """Let processes take tickets, kill all once each had told `after` things that it asks for or
    that were acknowledged; return all that they told."""
    with anyio.fail_after(SECONDS):
        async with children(TAKERS, "taker_process", store, str(run)) as takers:
            lines = [await taker.line() for taker in takers for _ in range(after)]
            for taker in takers:
                lines += await taker.kill()
    return [json.loads(line) for line in lines]


async def ask_again(backend: Backend, asks: Iterable[Acknowledgement]) -> dict[str, Taken]:
    """Ask again for what was asked for, under the same keys; return what each has taken, if it
    found anything."""
    taken = dict[str, Taken]()
    for asked in asks:
        caller = Caller(bot(asked["taker"]), project="shop")
        take = requests.take_ticket(asked["role"], idempotency_key=asked["word"])
        with suppress(NotFound):
            answer = await backend.take_ticket(caller, take)
            taken[asked["word"]] = (answer.detail.ticket.id, answer.role, answer.fence)
    return taken
