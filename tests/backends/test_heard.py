"""Deliveries of a forge, and kill -9 of whoever takes them."""

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio
import pytest

from mcp_handoff.merges import Delivery
from mcp_handoff.schema import timestamp
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests.backends.children import child
from tests.backends.invariants import assert_whole
from tests.databases import EVERY_DATABASE, open_database
from tests.histories import CALLER, History, known, prepare, take
from tests.requests import list_events, list_suggestions

pytestmark = pytest.mark.proof

KILLS = 50
"""The least kills of each database's takers."""

SEED, STEPS = 0, 110
SECONDS = 120


async def all_that_was_done(backend: StoreBackend) -> list[object]:
    """Return what is known, all that was suggested, and every event's kind."""
    page = await backend.list_suggestions(CALLER, list_suggestions(limit=200))
    suggested = [(one.status, one.merge_sha, one.pr_number) for one in page.suggestions]
    kinds, cursor = list[str](), None
    while True:
        events = await backend.list_events(CALLER, list_events(limit=200, cursor=cursor))
        kinds += [event.kind for event in events.events]
        cursor = events.next_cursor
        if not events.events:
            break
    return [*await known(backend), suggested, kinds]


async def taken_before_kill(store: str, first: int, after: int) -> int:
    """Have a process take deliveries from one on, kill it once it said so of `after`; return which
    it said last."""
    arguments = (store, str(SEED), str(STEPS), str(first))
    with anyio.fail_after(SECONDS):
        async with child("hearer_process", *arguments) as hearer:
            said = [await hearer.line() for _ in range(after)]
            said += await hearer.kill()
    return int(said[-1]) if said else first - 1


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_what_was_delivered_is_taken_once_though_whoever_takes_it_is_killed(
    request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    store = str(request.getfixturevalue(name))
    backend = StoreBackend(open_database(store))
    unharmed = StoreBackend(open_database(str(tmp_path / "unharmed.db")))
    told = History.of(SEED, STEPS).deliveries()
    for one in (backend, unharmed):
        await prepare(one)
    await take(unharmed, told)
    dice, kills, first = random.Random(SEED), 0, 0
    while first < len(told):
        after = min(dice.randint(0, 4), len(told) - first)
        first = await taken_before_kill(store, first, after) + 1
        kills += 1
        await assert_whole(store)
        if first < len(told):  # a forge delivers again what it had no answer to, or lost it
            first = max(0, first - dice.randint(0, 2))
    assert kills >= KILLS
    assert await all_that_was_done(backend) == await all_that_was_done(unharmed)
    await backend.close()
    await unharmed.close()


async def test_a_delivery_that_is_noted_before_it_is_taken_is_lost_with_its_taker(
    store: Path,
) -> None:
    backend = StoreBackend(open_database(str(store)))
    await prepare(backend)
    told = History.of(SEED, STEPS).deliveries()
    before = await known(backend)
    await backend.database.write(partial(note_carelessly, deliveries=told))
    await take(backend, told)  # as the forge delivers again what was never taken
    assert await known(backend) == before
    await backend.close()


def note_carelessly(tx: Transaction, deliveries: Sequence[Delivery]) -> None:
    """Note which deliveries were taken in a transaction of its own, as if the taker was killed
    before it took them."""
    for one in deliveries:
        tx.execute(
            "INSERT INTO deliveries (repository_id, id, taken_at)"
            " SELECT id, :id, :now FROM repositories",
            id=one.id,
            now=timestamp(tx.now),
        )
