"""Copies that are ended halfway: nothing of them stays, at the latest from the next one on."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcp_handoff.sqlite.schema import STEPS
from tests.backends.old_stores import make_first
from tests.http.served import Served, command
from tests.mcp.wire import TIMEOUT, bounded, environment

pytestmark = pytest.mark.proof

STARTS = {"serve": ("serve", "--port", "0"), "stdio": ()}


@pytest.fixture
def old(store: Path) -> Path:
    """A store that the next start copies and brings up to date."""
    make_first(str(store))
    return store


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a copy goes that somebody asks for."""
    directory = tmp_path / "copies"
    directory.mkdir()
    return directory / "monday[1].db"


@contextmanager
def copying(store: Path, *arguments: str) -> Generator[tuple[subprocess.Popen[bytes], bytes]]:
    """Run mcp-handoff until it is in the middle of a copy, where it stays; yield what it said
    before that as well."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.backends.stopped_copy_process", *arguments],
        env=environment(store),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        said = b""
        with bounded(process):
            while not said.endswith(b"copying\n"):
                line = process.stderr.readline()
                assert line, said.decode()
                said += line
        try:
            yield process, said.removesuffix(b"copying\n")
        finally:
            process.kill()


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    assert process.communicate(timeout=TIMEOUT) == (b"", b"")
    return process.returncode


def unfinished(target: Path) -> list[Path]:
    """Return the files that are being made beside a target, or were left there."""
    return [*target.parent.glob(".*.part-*/*")]


@pytest.mark.parametrize("start", STARTS)
def test_before_a_start_copies_a_store_it_says_why(old: Path, start: str) -> None:
    with copying(old, *STARTS[start]) as (_, said):
        told = f"{old} is brought from schema 1 to {len(STEPS)}; a copy"
        assert said.decode().count(told) == 1


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)],
)
@pytest.mark.parametrize("start", STARTS)
def test_a_start_that_a_signal_ends_leaves_nothing_of_its_copy(
    old: Path, start: str, number: signal.Signals, status: int
) -> None:
    before = old.read_bytes()
    with copying(old, *STARTS[start]) as (process, _):
        assert len(unfinished(old)) == 1
        assert end(process, number) == status
    assert [file for file in os.listdir(old.parent) if ".before-" in file] == []
    assert old.read_bytes() == before


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_backup_that_a_signal_ends_leaves_nothing(
    old: Path, target: Path, number: signal.Signals, status: int
) -> None:
    with copying(old, "backup", str(target)) as (process, _):
        assert len(unfinished(target)) == 1
        assert end(process, number) == status
    assert os.listdir(target.parent) == []


def test_what_killed_starts_left_is_removed_by_the_start_that_brings_the_store_up_to_date(
    old: Path,
) -> None:
    earlier = old.with_name(f".{old.name}.before-3.part-abcdefgh")
    earlier.mkdir()
    (earlier / f"{old.name}.before-3").touch()
    for left in range(2):
        with copying(old, "serve", "--port", "0") as (process, _):
            process.kill()
        assert len(unfinished(old)) == 1, left
    with Served(old):
        ends = ("", "-shm", "-wal", f".before-{len(STEPS)}")
        assert {*os.listdir(old.parent)} == {f"{old.name}{end}" for end in ends}


@pytest.mark.parametrize("again", ["backup", "export"])
def test_what_a_killed_run_left_is_removed_by_the_next_one_for_the_same_file(
    old: Path, target: Path, again: str
) -> None:
    with copying(old, "backup", str(target)) as (process, _):
        process.kill()
    assert len(unfinished(target)) == 1
    others = target.with_name(f".{target.name}.part-s"), target.with_name(".m.db.part-abcdefgh")
    for other in others:
        other.mkdir()
        (other / "mine").touch()
    assert command(old, "project", "create", "Next").returncode == 0
    assert command(old, again, str(target)).returncode == 0
    assert {*target.parent.iterdir()} == {target, *others}


def test_what_another_run_is_still_making_stays(old: Path, target: Path) -> None:
    with copying(old, "backup", str(target)):
        [begun] = unfinished(target)
        assert command(old, "backup", str(target)).returncode == 0
        assert unfinished(target) == [begun]


def test_a_folder_that_is_about_to_be_locked_stays(old: Path, target: Path) -> None:
    begun = target.with_name(f".{target.name}.part-abcdefgh")
    begun.mkdir()
    assert command(old, "backup", str(target)).returncode == 0
    assert begun.is_dir()
