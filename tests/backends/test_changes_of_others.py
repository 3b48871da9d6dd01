"""Changes that other processes make in a file of SQLite are heard, each once."""

import json
import logging
import os
import resource
import threading
from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.events import EVERYTHING, Change
from mcp_handoff.sqlite import watch
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.history import WINDOW
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests import requests
from tests.backends.children import Child
from tests.backends.rivals import SECONDS, racers
from tests.databases import in_store
from tests.mcp.wire import TIMEOUT

BURST = 200


@pytest.fixture
async def backend(store: Path) -> AsyncIterator[StoreBackend]:
    opened = StoreBackend(SqliteDatabase.open(store))
    yield opened
    await opened.close()


async def file(backend: StoreBackend, caller: Caller, title: str) -> int | None:
    created = await backend.create_ticket(caller, requests.create_ticket(title=title))
    return created.ticket.number


async def filed_by(other: Child, count: int) -> list[int]:
    """Have another process file so many tickets; return their numbers."""
    await other.tell(f"create_many {count}")
    return json.loads(await other.line())["numbers"]


async def next_ticket(changes: AsyncIterator[Change]) -> str | None:
    """Return the reference of the next ticket that is heard to be filed."""
    while (change := await anext(changes)).kind != "ticket.created":
        pass
    return change.reference


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sqlite-watch"]


async def test_a_burst_of_another_process_amid_own_writes_is_heard_whole_and_each_once(
    store: Path, backend: StoreBackend, caller: Caller
) -> None:
    heard = Counter[str | None]()
    async with racers(1, store) as [other], backend.changes() as changes:
        await other.tell(f"create_many {BURST}")
        own = [await file(backend, caller, f"Own ticket {number}") for number in range(BURST)]
        others = json.loads(await other.line())["numbers"]
        for _ in range(2 * BURST):
            heard[await next_ticket(changes)] += 1
        await other.tell("create_equal last")
        last = json.loads(await other.line())["number"]
        heard[await next_ticket(changes)] += 1
    expected = [f"HO-{number}-shop" for number in (*own, *others, last)]
    assert heard == Counter(expected)


async def test_whoever_subscribes_hears_of_nothing_that_was_written_before(
    store: Path, backend: StoreBackend, caller: Caller
) -> None:
    async with racers(1, store) as [other], backend.changes() as early:
        await filed_by(other, 3)
        async with backend.changes() as late:
            number = await file(backend, caller, "Own ticket")
            assert await next_ticket(late) == f"HO-{number}-shop"
        heard = [await next_ticket(early) for _ in range(4)]
    assert heard == [f"HO-{number}-shop" for number in (1, 2, 3, 4)]


async def test_a_server_that_only_reads_hears_of_every_write(store: Path) -> None:
    async with racers(1, store) as [other]:
        reading = StoreBackend(SqliteDatabase.open(store, read_only=True))
        async with reading.changes() as changes:
            numbers = await filed_by(other, BURST)
            heard = [await next_ticket(changes) for _ in numbers]
        await reading.close()
    assert heard == [f"HO-{number}-shop" for number in numbers]


async def test_more_than_can_be_told_is_told_as_everything(
    store: Path, backend: StoreBackend
) -> None:
    with anyio.fail_after(TIMEOUT):
        async with backend.changes() as changes:
            await anyio.to_thread.run_sync(in_store, store, note_many)
            assert await anext(changes) == EVERYTHING


async def note_many(backend: StoreBackend) -> None:
    def note(tx: Transaction) -> None:
        for _ in range(WINDOW):
            tx.execute(
                "INSERT INTO events (kind, subject_id, actor_role, source, created_at)"
                " VALUES ('project.created', 'shop', 'bot', 'bot', '')"
            )

    await backend.database.write(note)


async def test_nothing_is_watched_when_nobody_subscribes_and_no_thread_outlives_the_store(
    store: Path,
) -> None:
    before = watching()
    backend = StoreBackend(SqliteDatabase.open(store))
    assert watching() == before
    async with backend.changes():
        [thread] = set(watching()) - set(before)
        async with backend.changes():
            assert len(watching()) == len(before) + 1
        assert thread.is_alive()
    await anyio.to_thread.run_sync(thread.join, TIMEOUT)
    assert not thread.is_alive()
    async with backend.changes():
        pass
    await backend.close()
    assert watching() == before


async def test_a_watch_that_can_open_no_file_hears_once_it_can(
    store: Path, backend: StoreBackend, caller: Caller, failed: threading.Event
) -> None:
    async with AsyncExitStack() as stack:
        [other] = await stack.enter_async_context(racers(1, store))
        await file(backend, caller, "Own ticket")
        with no_more_files():
            changes = await stack.enter_async_context(backend.changes())
            assert await anyio.to_thread.run_sync(failed.wait, TIMEOUT)
            number = await file(backend, caller, "Another one")
            assert await next_ticket(changes) == f"HO-{number}-shop"
        with anyio.fail_after(SECONDS):
            [number] = await filed_by(other, 1)
            assert await next_ticket(changes) == f"HO-{number}-shop"


@pytest.fixture
def failed(caplog: pytest.LogCaptureFixture) -> Iterator[threading.Event]:
    """Is set once a watch has failed."""
    failed, log = threading.Event(), logging.getLogger(watch.__name__)
    caplog.set_level(logging.DEBUG, watch.__name__)

    def note(_: logging.LogRecord) -> bool:
        failed.set()
        return True

    log.addFilter(note)
    yield failed
    log.removeFilter(note)


@contextmanager
def no_more_files() -> Generator[None]:
    """Let this process open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
