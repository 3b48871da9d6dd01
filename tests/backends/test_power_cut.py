"""What was acknowledged is there after a power cut, and nothing is half there."""

import pickle
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from mcp_handoff.sqlite.database import SqliteDatabase
from tests.backends.children import child
from tests.backends.invariants import assert_whole, lost
from tests.backends.power_cut import Acknowledged, Disk, Happening, Truncated, Written
from tests.backends.writer_process import Acknowledgement
from tests.proofs import seeds

pytestmark = pytest.mark.proof

STORE = "handoff.db"

CUTS = 40
"""Cuts of one record: 200 in the five runs of each test."""

SECONDS = 120


@pytest.mark.parametrize("seed", seeds(5))
async def test_every_acknowledged_write_outlives_the_loss_of_all_that_was_not_synced(
    tmp_path: Path, seed: int
) -> None:
    record = await recorded(tmp_path, "FULL")
    for number, (cut, disk) in enumerate(cuts(record, random.Random(seed))):
        store = restored(disk, tmp_path / str(number))
        await assert_whole(store, acknowledged(record[:cut]))


@pytest.mark.parametrize("seed", seeds(5))
async def test_every_acknowledged_write_outlives_the_loss_of_a_part_of_what_was_not_synced(
    tmp_path: Path, seed: int
) -> None:
    record, dice = await recorded(tmp_path, "FULL"), random.Random(seed)
    for number, (cut, disk) in enumerate(cuts(record, dice)):
        store = restored(disk, tmp_path / str(number), dice)
        await assert_whole(store, acknowledged(record[:cut]))


async def test_without_syncing_the_same_cuts_lose_what_was_acknowledged(tmp_path: Path) -> None:
    record = await recorded(tmp_path, "OFF")
    missing = 0
    for number, (cut, disk) in enumerate(cuts(record, random.Random(0))):
        store = restored(disk, tmp_path / str(number))
        missing += len(await lost_of(store, acknowledged(record[:cut])))
    assert missing > 0


async def recorded(directory: Path, synchronous: str) -> Sequence[Happening]:
    """Let a process write; return all that it did to the disk and all that it acknowledged."""
    record = directory / "record"
    store = directory / STORE
    with anyio.fail_after(SECONDS):
        async with child("power_cut_process", str(store), str(record), synchronous) as writer:
            assert await writer.exit_code() == 0
    return pickle.loads(record.read_bytes())


def cuts(record: Sequence[Happening], dice: random.Random) -> Iterator[tuple[int, Disk]]:
    """Cut the power right after acknowledgements, in checkpoints and at any other moment."""
    told = [at for at, happened in enumerate(record, 1) if isinstance(happened, Acknowledged)]
    checkpoints = [at for at, happened in enumerate(record, 1) if is_of_checkpoint(happened)]
    kinds = (told, checkpoints, range(len(record) + 1))
    moments = sorted(dice.choice(kinds[number % len(kinds)]) for number in range(CUTS))
    disk = Disk()
    for before, cut in pairwise([0, *moments]):
        disk.replay(record[before:cut])
        yield cut, disk


def is_of_checkpoint(happened: Happening) -> bool:
    """Tell whether the database itself was written, and not its WAL."""
    return isinstance(happened, Written | Truncated) and happened.name == STORE


def restored(disk: Disk, directory: Path, dice: random.Random | None = None) -> Path:
    directory.mkdir()
    disk.restore(directory, dice)
    return directory / STORE


def acknowledged(record: Sequence[Happening]) -> list[Acknowledgement]:
    return [happening.what for happening in record if isinstance(happening, Acknowledged)]


async def lost_of(store: Path, writes: list[Acknowledgement]) -> list[Acknowledgement]:
    database = SqliteDatabase.open(store)
    missing = await database.read(lambda tx: lost(tx, writes))
    await database.close()
    return missing
