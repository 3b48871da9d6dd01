"""Every call with which SQLite reads and writes fails once, or is the last of its process."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.faults.preload import built
from tests.proofs import WIDE

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
SECONDS = 1_500 if WIDE else 120

STEP = 1 if WIDE else 31
"""Of how many calls one is struck."""

CALLS = {
    "an error": {
        *("open db", "pread db", "pwrite db", "fdatasync db", "lock db"),
        *("open wal", "pread wal", "pwrite wal", "fdatasync wal", "unlink wal"),
        *("open shm", "pwrite shm", "ftruncate shm", "mmap shm", "lock shm", "unlink shm"),
    },
    "an error beside another": {"open db", "open wal", "pread wal", "pwrite wal", "lock shm"},
    "an end": {"killed"},
}
"""What each kind strikes, when it strikes every call."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What strikes the calls."""
    return built("sqlite_io_faults", tmp_path_factory.mktemp("faults"))


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("kind", CALLS)
async def test_whichever_call_it_meets_a_store_is_whole_and_works_again(
    tmp_path: Path, library: Path, kind: str
) -> None:
    told = await struck(tmp_path, library, kind, 1, STEP)
    assert told["wrong"] == []
    assert told["struck"].keys() & CALLS[kind]
    assert not WIDE or told["struck"].keys() >= CALLS[kind]


async def struck(home: Path, library: Path, kind: str, first: int, step: int) -> dict[str, Any]:
    """Return what was struck in rounds on stores in a directory, and what was wrong after it."""
    command = [sys.executable, "-m", "tests.faults.sqlite_io_process"]
    faults = {"LD_PRELOAD": str(library), "FAULTS_IN": f"{home}/"}
    with anyio.fail_after(SECONDS):
        ran = await anyio.run_process(
            [*command, str(home), kind, str(first), str(step)],
            stderr=None,
            cwd=ROOT,
            env={**os.environ, **faults},
        )
    return json.loads(ran.stdout)
