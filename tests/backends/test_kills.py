"""What was acknowledged is there after kill -9, and nothing is half there."""

import json
import random
import signal
from functools import partial
from pathlib import Path

import anyio
import pytest

from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.children import child, children
from tests.backends.invariants import assert_whole, lost
from tests.backends.rivals import racers, told_at_once
from tests.backends.writer_process import CALLER, Acknowledgement
from tests.databases import EVERY_DATABASE

KILLS = 20
"""Kills of one store, one after the other: 200 in the ten runs of the first test."""

TAKERS = 4
"""Processes that take from one store and are killed together."""

SECONDS = 120


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
        acknowledged += await taken_before_kill(store, kill, patience(dice) // (2 * TAKERS) + 1)
        await assert_whole(store, acknowledged)
    takes = [given for given in acknowledged if given["operation"] == "take_ticket"]
    assert len({(one["ticket"], one["role"], one["fence"]) for one in takes}) == len(takes)
    assert {given["operation"] for given in acknowledged} > {"take_ticket"}


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


async def taken_before_kill(store: str, run: int, after: int) -> list[Acknowledgement]:
    """Let processes take tickets, kill all once each had `after` answers acknowledged; return all
    that were."""
    with anyio.fail_after(SECONDS):
        async with children(TAKERS, "taker_process", store, str(run)) as takers:
            lines = [await taker.line() for taker in takers for _ in range(after)]
            for taker in takers:
                lines += await taker.kill()
    return [json.loads(line) for line in lines]
