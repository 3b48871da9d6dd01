"""What a store's file may be like, and what is said when it is not."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Awaitable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import BackendUnavailable, Misconfigured
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests import requests
from tests.backends.invariants import assert_whole
from tests.backends.racer_process import Answer
from tests.backends.wording import assert_own_words
from tests.backends.writer_process import CALLER, live

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
SECONDS = 120
PAGE = 4096


@pytest.fixture
def kept(store: Path, caller: Caller) -> Path:
    """A store with one ticket, closed."""
    anyio.run(file_one, store, caller)
    return store


@pytest.fixture
def empty_file(store: Path) -> Path:
    store.touch()
    return store


@pytest.mark.parametrize("content", [b"hello", b"hello world\n" * 1000], ids=["short", "long"])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(
    store: Path, content: bytes
) -> None:
    store.write_bytes(content)
    assert "it is not a SQLite database" in refusal(store)
    assert store.read_bytes() == content


async def test_a_store_that_was_restored_from_a_vacuumed_copy_goes_back_to_wal(
    kept: Path, caller: Caller
) -> None:
    restored = kept.with_name("restored.db")
    with closing(sqlite3.connect(kept)) as connection:
        connection.execute("VACUUM INTO ?", (str(restored),))
    await file_one(restored, caller)
    with closing(sqlite3.connect(restored)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_store_that_is_closed_while_somebody_reads_leaves_nothing_but_its_file(
    store: Path,
) -> None:
    database = SqliteDatabase.open(store)
    began, over = threading.Event(), threading.Event()

    def read(tx: Transaction) -> None:
        tx.fetch_one("SELECT 1 FROM projects")
        began.set()
        assert over.wait(SECONDS)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.read, read)
        await anyio.to_thread.run_sync(began.wait)
        tasks.start_soon(database.close)
        await anyio.wait_all_tasks_blocked()
        over.set()
    assert [*store.parent.glob(f"{store.name}*")] == [store]


async def test_an_empty_file_becomes_a_store(empty_file: Path, caller: Caller) -> None:
    await file_one(empty_file, caller)
    await assert_whole(empty_file)


@pytest.mark.parametrize("version", [0, 1, 99])
def test_another_programs_database_is_refused_and_left_as_it_was(store: Path, version: int) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = store.read_bytes()
    assert "another program's database" in refusal(store)
    assert store.read_bytes() == before
    assert os.listdir(store.parent) == [store.name]


def test_a_newer_programs_store_is_refused_with_both_versions_and_left_as_it_was(
    kept: Path,
) -> None:
    with closing(sqlite3.connect(kept)) as connection:
        (known,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 99")
    before = kept.read_bytes()
    assert f"newer mcp-handoff (schema 99, this one knows {known})" in refusal(kept)
    assert kept.read_bytes() == before


def test_a_new_store_with_its_log_and_index_is_its_owners_alone(store: Path) -> None:
    before = os.umask(0)
    try:
        opened = SqliteDatabase.open(store)
    finally:
        os.umask(before)
    modes = {file.name: file.stat().st_mode & 0o777 for file in store.parent.iterdir()}
    assert modes == dict.fromkeys(("handoff.db", "handoff.db-wal", "handoff.db-shm"), 0o600)
    anyio.run(opened.close)


@pytest.mark.parametrize(
    ("file", "directory", "words"),
    [
        (0o644, 0o700, ["everyone on this machine may get at"]),
        (0o660, 0o700, []),
        (0o600, 0o777, ["others may put another file in the place of"]),
        (0o600, 0o770, ["others may put another file in the place of"]),
        (0o600, 0o1777, []),
    ],
)
def test_that_others_may_get_at_a_store_is_told_and_left_as_it_is(
    kept: Path, file: int, directory: int, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with permissions(kept, file), permissions(kept.parent, directory):
        anyio.run(SqliteDatabase.open(kept).close)
        assert kept.stat().st_mode & 0o777 == file
    assert [word for word in words if word not in caplog.text] == []
    assert len(caplog.records) == len(words)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "is a directory" in refusal(tmp_path)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'missing'} does not exist" in refusal(tmp_path / "missing" / "handoff.db")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["n" * 300, "a\0b"], ids=["too long", "with a null"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    assert "can't be used" in refusal(tmp_path / name)


def test_closing_leaves_one_file(kept: Path) -> None:
    assert os.listdir(kept.parent) == [kept.name]


def test_a_missing_store_is_not_made_by_reading(store: Path) -> None:
    assert "a read-only server does not make it" in refusal(store, read_only=True)
    assert not store.exists()


async def test_a_store_opened_for_reading_is_read_and_not_written(
    kept: Path, caller: Caller
) -> None:
    backend = StoreBackend(SqliteDatabase.open(kept, read_only=True))
    with pytest.raises(BackendUnavailable, match="opened for reading only") as refused:
        await backend.create_ticket(caller, requests.create_ticket(title="Another title"))
    assert_own_words(refused.value)
    found = await backend.find_tickets(caller, requests.find_tickets())
    assert [ticket.number for ticket in found.tickets] == [1]
    await backend.close()


async def test_a_file_that_may_not_be_written_is_refused_and_can_be_read(kept: Path) -> None:
    with permissions(kept, 0o444):
        assert "it can't be written" in await refusal_of_opening(kept, "write")
        assert await opened(kept, "read") == {"tickets": 1}


async def test_a_directory_that_may_not_be_written_gives_no_advice_that_was_taken(
    kept: Path,
) -> None:
    with permissions(kept.parent, 0o555):
        told = await opened(kept, "read")
    assert "HANDOFF_READ_ONLY" not in told.get("message", "")


@pytest.mark.parametrize("mode", ["write", "read"])
async def test_a_file_that_may_not_be_read_is_refused(kept: Path, mode: str) -> None:
    with permissions(kept, 0o000):
        assert "permission was denied" in await refusal_of_opening(kept, mode)


async def test_a_directory_that_may_not_be_written_gets_no_store(store: Path) -> None:
    with permissions(store.parent, 0o555):
        assert "permission was denied" in await refusal_of_opening(store, "write")


@pytest.mark.parametrize("mode", ["write", "read"])
async def test_a_directory_that_may_not_be_entered_is_refused(kept: Path, mode: str) -> None:
    with permissions(kept.parent, 0o000):
        assert "permission was denied" in await refusal_of_opening(kept, mode)


@pytest.mark.parametrize("byte", [None, 0x00, 0xFF], ids=["random", "zeros", "ones"])
async def test_of_a_store_with_a_damaged_page_each_read_works_or_says_so(
    store: Path, byte: int | None
) -> None:
    await fill(store)
    outcomes = [await outcomes_of_reading(copy) for copy in damaged_copies(store, byte)]
    assert set[str]().union(*outcomes) == {"worked", "it is damaged"}


@pytest.mark.parametrize("room", ["ballast", "limit"])
async def test_a_write_to_a_full_disk_is_refused_whole_and_works_once_there_is_room(
    tmp_path: Path, room: str
) -> None:
    within = tiny_disk(tmp_path) if room == "ballast" else ()
    told = await answer("full_disk_process", str(tmp_path), room, within=within)
    assert len(told["refusals"]) == 5
    assert told["filed once there was room"] == told["read while full"] + 1


def refusal(store: Path, *, read_only: bool = False) -> str:
    """Return why a store can't be opened."""
    with pytest.raises(Misconfigured) as refused:
        SqliteDatabase.open(store, read_only=read_only)
    assert_own_words(refused.value)
    return refused.value.message


async def file_one(store: Path, caller: Caller) -> None:
    """Open a store, file a ticket and close it."""
    backend = StoreBackend(SqliteDatabase.open(store))
    await backend.create_ticket(caller, requests.create_ticket())
    await backend.close()


async def opened(store: Path, mode: str) -> Answer:
    """Open a store in a process that permissions bind."""
    return await answer("opener_process", str(store), mode)


async def refusal_of_opening(store: Path, mode: str) -> str:
    told = await opened(store, mode)
    assert told["error"] == Misconfigured.code
    return told["message"]


@contextmanager
def permissions(path: Path, mode: int) -> Generator[None]:
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


async def answer(module: str, *arguments: str, within: Sequence[str] = ()) -> Answer:
    """Return the answer of a module of tests.backends, run by the command `within`."""
    command = [*within, sys.executable, "-m", f"tests.backends.{module}", *arguments]
    with anyio.fail_after(SECONDS):
        ran = await anyio.run_process(command, stderr=None, cwd=ROOT)
    return json.loads(ran.stdout)


async def fill(store: Path) -> None:
    """Make a store that has some of everything."""
    backend = StoreBackend(SqliteDatabase.open(store))
    for number in range(40):
        await live(backend, f"w{number}", lambda _: None)
    await backend.close()


def damaged_copies(store: Path, byte: int | None) -> Iterator[Path]:
    """Yield copies of a store of which one page, every third in turn, is overwritten."""
    content = store.read_bytes()
    for start in range(PAGE, len(content), 3 * PAGE):
        junk = random.Random(start).randbytes(PAGE) if byte is None else bytes([byte]) * PAGE
        copy = store.with_name(f"{start}.db")
        copy.write_bytes(content[:start] + junk + content[start + PAGE :])
        yield copy


async def outcomes_of_reading(store: Path) -> set[str]:
    try:
        database = SqliteDatabase.open(store)
    except Misconfigured as error:
        return {outcome_of(error)}
    outcomes = {await outcome(read) for read in reads(StoreBackend(database))}
    await database.close()
    return outcomes


def reads(backend: Backend) -> Iterator[Awaitable[object]]:
    yield backend.find_tickets(CALLER, requests.find_tickets(status="any", limit=100))
    yield backend.find_tickets(CALLER, requests.find_tickets(query="fault w3*", status="any"))
    yield backend.list_suggestions(CALLER, requests.list_suggestions(status="any", limit=100))
    yield backend.find_builds(CALLER, requests.find_builds(limit=100))
    for number in range(1, 41, 4):
        yield backend.get_ticket(CALLER, requests.get_ticket(number))


async def outcome(read: Awaitable[object]) -> str:
    try:
        await read
    except BackendUnavailable as error:
        return outcome_of(error)
    return "worked"


def outcome_of(error: BackendUnavailable | Misconfigured) -> str:
    assert_own_words(error)
    return "it is damaged" if "it is damaged" in error.message else error.message


def tiny_disk(directory: Path) -> Sequence[str]:
    """Return the command within which `directory` is a disk of two megabytes."""
    mount = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(directory)]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"]).returncode:
        pytest.skip("this machine lets nobody mount a file system of their own")
    return command
