"""Backups: whole whatever happens meanwhile, and never in the way of what is there."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from uuid import uuid4

import anyio
import anyio.to_thread
import apsw
import psycopg
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.cli import progress as progress_bars
from mcp_handoff.errors import AlreadyExists, HandoffError
from mcp_handoff.sqlite.backups import back_up, restore
from mcp_handoff.sqlite.schema import APPLICATION_ID, STEPS
from mcp_handoff.sqlite.transaction import execute
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.children import child
from tests.backends.invariants import assert_whole
from tests.backends.writer_process import Acknowledgement
from tests.clusters import PASSWORD, binaries
from tests.databases import address, open_database
from tests.http.served import command

pytestmark = pytest.mark.proof

PAGE = 4096


async def file_one(name: str | Path, caller: Caller) -> None:
    backend = StoreBackend(open_database(str(name)))
    await backend.create_ticket(caller, requests.create_ticket(title=f"Fault {uuid4()}"))
    await backend.close()


async def numbers(name: str | Path, caller: Caller) -> list[int]:
    backend = StoreBackend(open_database(str(name)))
    page = await backend.find_tickets(caller, requests.find_tickets())
    await backend.close()
    return sorted(ticket.number or 0 for ticket in page.tickets)


@pytest.fixture
def kept(store: Path, caller: Caller) -> Path:
    """A store with one ticket, closed."""
    anyio.run(file_one, store, caller)
    return store


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Where a backup goes."""
    directory = tmp_path / "copies"
    directory.mkdir()
    return directory / "copy.db"


def assert_refused(done: subprocess.CompletedProcess[str], status: int, words: str) -> None:
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1), done
    assert words in done.stderr


async def test_each_backup_of_a_store_that_is_written_in_holds_all_that_was_acknowledged_before_it(
    store: Path, tmp_path: Path
) -> None:
    acknowledged = list[Acknowledgement]()

    async def listen() -> None:
        while True:
            acknowledged.append(json.loads(await writer.line()))

    async with (
        child("writer_process", str(store), "0") as writer,
        anyio.create_task_group() as told,
    ):
        acknowledged.append(json.loads(await writer.line()))
        told.start_soon(listen)
        for turn in range(5):
            before = len(acknowledged)
            copy = tmp_path / f"copy{turn}.db"
            done = await anyio.to_thread.run_sync(command, store, "backup", str(copy))
            assert done.returncode == 0, done.stderr
            assert len(acknowledged) > before, "it was written in meanwhile"
            await assert_whole(copy, acknowledged[:before])
        told.cancel_scope.cancel()


def test_a_backup_is_one_file_of_its_owners_alone_and_can_be_read_where_nothing_can_be_written(
    kept: Path, copy: Path
) -> None:
    done = command(kept, "backup", str(copy))
    told = f"{copy} is a whole copy of {kept}, {copy.stat().st_size} bytes\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    assert [*copy.parent.iterdir()] == [copy]
    assert copy.stat().st_mode & 0o777 == 0o600
    file = apsw.Connection(f"file:{copy}?immutable=1", flags=READ_URI)
    assert execute(file, "SELECT count(*) FROM tickets").get == 1
    file.close()
    assert not [*kept.parent.glob("handoff.db-*")]


READ_URI = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI


def test_a_store_goes_on_where_its_backup_ended(kept: Path, copy: Path, caller: Caller) -> None:
    command(kept, "backup", str(copy))
    other = kept.with_name("other.db")
    done = command(other, "restore", str(copy))
    told = f"{other} is a whole copy of {copy}, {other.stat().st_size} bytes\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")
    assert other.stat().st_mode & 0o777 == 0o600
    anyio.run(file_one, other, caller)
    assert anyio.run(numbers, other, caller) == [1, 2]
    anyio.run(assert_whole, other)


def test_nothing_is_written_over(kept: Path, copy: Path) -> None:
    copy.write_text("mine")
    assert_refused(command(kept, "backup", str(copy)), 1, "is not overwritten")
    assert copy.read_text() == "mine"
    copy.unlink()
    command(kept, "backup", str(copy))
    before = kept.read_bytes()
    Path(f"{kept}-wal").touch()  # as who only read it left one
    assert_refused(command(kept, "restore", str(copy)), 1, "is not overwritten")
    assert kept.read_bytes() == before


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_store_is_not_restored_beside_what_another_left(
    kept: Path, copy: Path, suffix: str
) -> None:
    command(kept, "backup", str(copy))
    kept.unlink()
    Path(f"{kept}{suffix}").touch()
    assert_refused(command(kept, "restore", str(copy)), 1, "was left there by another store")
    assert not kept.exists()


def half(copy: Path) -> None:
    os.truncate(copy, copy.stat().st_size // 2)


def overwritten(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.seek(3 * PAGE)
        file.write(os.urandom(2 * PAGE))


def torn(copy: Path) -> None:
    file = apsw.Connection(str(copy))
    execute(file, "DELETE FROM projects")
    file.close()


def foreign(copy: Path) -> None:
    file = apsw.Connection(str(copy))
    execute(file, "PRAGMA application_id = 1")
    file.close()


def emptied(copy: Path) -> None:
    os.truncate(copy, 0)


def text(copy: Path) -> None:
    copy.write_text("hello")


def directory(copy: Path) -> None:
    copy.unlink()
    copy.mkdir()


def newer(copy: Path) -> None:
    file = apsw.Connection(str(copy))
    execute(file, f"PRAGMA user_version = {len(STEPS) + 1}")
    file.close()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (half, "holds no whole store"),
        (overwritten, "holds no whole store"),
        (torn, "rows that others refer to are missing"),
        (foreign, "is another program's database"),
        (newer, "was written by a newer mcp-handoff"),
        (emptied, "it is empty"),
        (text, "it is not a SQLite database"),
        (directory, "is not a file"),
    ],
)
def test_what_is_no_whole_store_is_not_restored(
    kept: Path, copy: Path, harm: Callable[[Path], object], words: str
) -> None:
    command(kept, "backup", str(copy))
    kept.unlink()
    harm(copy)
    assert_refused(command(kept, "restore", str(copy)), 2, words)
    assert [*kept.parent.iterdir()] == [copy.parent]


def test_a_damaged_store_is_not_called_backed_up(kept: Path, copy: Path) -> None:
    overwritten(kept)
    assert_refused(command(kept, "backup", str(copy)), 2, "holds no whole store")
    assert [*copy.parent.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("restore", "nowhere.db"), 1, "There is no file"),
        (("backup", "copy.db"), 1, "There is no file"),
        (("restore",), 2, "FILE"),
        (("backup",), 2, "FILE"),
    ],
)
def test_what_is_not_there_is_said(
    store: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = command(store, *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert not store.exists()


def test_a_backup_needs_its_directory(kept: Path) -> None:
    done = command(kept, "backup", str(kept.parent / "nowhere" / "copy.db"))
    assert_refused(done, 1, "There is no directory")


def test_who_only_reads_makes_backups_and_restores_none(kept: Path, copy: Path) -> None:
    assert command(kept, "backup", str(copy), HANDOFF_READ_ONLY="1").returncode == 0
    kept.unlink()
    refused = command(kept, "restore", str(copy), HANDOFF_READ_ONLY="1")
    assert_refused(refused, 2, "HANDOFF_READ_ONLY is set")


@pytest.mark.parametrize("step", ["Copying", "Checking"])
def test_ctrl_c_leaves_nothing_of_a_copy(kept: Path, copy: Path, step: str) -> None:
    def interrupt(told: str, done: int, total: int | None = None) -> None:
        if told == step:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        back_up(kept, copy, interrupt)
    assert [*copy.parent.iterdir()] == []


def test_who_makes_a_store_meanwhile_keeps_it(kept: Path, copy: Path) -> None:
    back_up(kept, copy)
    other = kept.with_name("other.db")

    def begin(told: str, done: int, total: int | None = None) -> None:
        other.write_text("begun")

    with pytest.raises(AlreadyExists):
        restore(copy, other, begin)
    assert other.read_text() == "begun"
    assert {*other.parent.iterdir()} == {kept, other, copy.parent}


def test_a_full_disk_leaves_nothing_of_a_copy(
    kept: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(HandoffError, match=r"can't be copied to .* Nothing was kept\.$"):
        back_up(kept, copy)
    assert [*copy.parent.iterdir()] == []


def test_a_store_of_an_older_version_is_copied_as_it_is(store: Path, copy: Path) -> None:
    file = apsw.Connection(str(store))
    for step in STEPS[:5]:
        execute(file, step.read_text())
    execute(file, f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 5")
    file.close()
    assert command(store, "backup", str(copy)).returncode == 0
    copied = apsw.Connection(str(copy))
    assert execute(copied, "PRAGMA user_version").get == 5
    copied.close()


def test_postgresql_is_copied_by_the_lines_that_are_told(
    postgres: str, copy: Path, store: Path, caller: Caller
) -> None:
    programs = binaries()
    if programs is None:
        pytest.skip("a PostgreSQL that was named has no programs here")
    anyio.run(file_one, postgres, caller)
    settings = {"HANDOFF_BACKEND": address(postgres)}
    for told, status in (("backup", "(umask 077; pg_dump "), ("restore", "pg_restore ")):
        done = command(store, told, str(copy), **settings)
        assert_refused(done, 2, status)
        assert PASSWORD not in done.stderr
        _, _, line = done.stderr.partition("run: ")
        if told == "restore":
            drop_schema(postgres)
        path = {"PATH": f"{programs}:{os.environ['PATH']}", "PGPASSWORD": PASSWORD}
        subprocess.run(line, shell=True, env=path, check=True, timeout=60)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert anyio.run(numbers, postgres, caller) == [1]
    anyio.run(assert_whole, postgres)


def drop_schema(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "DO $$ BEGIN EXECUTE 'DROP SCHEMA ' || current_schema() || ' CASCADE'; END $$"
        )


def test_an_api_is_backed_up_where_its_store_is(store: Path, copy: Path) -> None:
    settings = {"HANDOFF_BACKEND": "https://desk.example/api"}
    done = command(store, "backup", str(copy), **settings)
    assert_refused(done, 2, "run this where its store is")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_how_far_long_work_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    for least, shown in ((60.0, False), (0.0, True)):
        monkeypatch.setattr(progress_bars, "SHOWN_AFTER_SECONDS", least)
        with suppress(KeyboardInterrupt), progress_bars.shown_progress() as progress:
            progress("Copying", 3, 7)
            raise KeyboardInterrupt
        assert ("Copying" in terminal.getvalue()) is shown
        assert ("43%" in terminal.getvalue()) is shown


def test_what_is_no_terminal_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    monkeypatch.setattr(progress_bars, "SHOWN_AFTER_SECONDS", 0.0)
    with progress_bars.shown_progress() as progress:
        progress("Copying", 3, 7)
    assert pipe.getvalue() == ""
