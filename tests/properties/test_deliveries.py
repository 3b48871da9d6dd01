"""Whatever order deliveries come in, and however often, what is known in the end is the same."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from mcp_handoff.merges import Delivery
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests.backends.invariants import assert_whole
from tests.histories import History, known, prepare, take
from tests.proofs import seeds

pytestmark = pytest.mark.proof

ORDERS = 6
STEPS = 14


async def outcome(path: Path, deliveries: Sequence[Delivery]) -> list[object]:
    """Return what is known in a new store once it took these deliveries."""
    backend = StoreBackend(SqliteDatabase.open(path))
    await prepare(backend)
    await take(backend, deliveries)
    found = await known(backend)
    await backend.close()
    await assert_whole(path)
    return found


@pytest.mark.parametrize("seed", seeds(12))
async def test_any_order_of_deliveries_and_any_repetition_ends_in_the_same_state(
    tmp_path: Path, seed: int
) -> None:
    dice, told = random.Random(seed), History.of(seed, STEPS).deliveries()
    expected = await outcome(tmp_path / "in-order.db", told)
    for order in range(ORDERS):
        shuffled = dice.choices(told, k=len(told) // 3) + told
        dice.shuffle(shuffled)
        assert await outcome(tmp_path / f"{order}.db", shuffled) == expected
