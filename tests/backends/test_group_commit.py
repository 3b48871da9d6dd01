"""Writes that share a commit share nothing else."""

import asyncio
import threading
import time
from pathlib import Path

import apsw
import pytest

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.errors import NotFound
from mcp_handoff.events import Change
from mcp_handoff.sqlite import writer
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.sqlite.transaction import execute
from mcp_handoff.store.transaction import Transaction
from tests.mcp.wire import TIMEOUT

ADD = "INSERT INTO organizations (id, slug, created_at) VALUES (:id, :id, '')"


def add(name: str, tx: Transaction) -> None:
    tx.execute(ADD, id=name)


def add_and_fail(tx: Transaction) -> None:
    add("half", tx)
    raise NotFound("Oh.")


def add_twice(tx: Transaction) -> None:
    add("double", tx)
    add("double", tx)


def names(tx: Transaction) -> list[str]:
    return [row["id"] for row in tx.fetch_all("SELECT id FROM organizations ORDER BY id")]


async def test_an_operation_that_fails_undoes_itself_and_not_its_neighbours(store: Path) -> None:
    database = SqliteDatabase.open(store)
    outcomes = await asyncio.gather(
        database.write(lambda tx: add("before", tx)),
        database.write(add_and_fail),
        database.write(add_twice),
        database.write(lambda tx: add("behind", tx)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        NotFound,
        apsw.ConstraintError,
        type(None),
    ]
    assert await database.read(names) == ["before", "behind"]
    await database.close()


async def test_an_operation_that_fails_alone_is_undone_and_not_run_again(store: Path) -> None:
    database = SqliteDatabase.open(store)
    runs: list[Transaction] = []

    def add_note_and_fail(tx: Transaction) -> None:
        runs.append(tx)
        add_and_fail(tx)

    with pytest.raises(NotFound):
        await database.write(add_note_and_fail)
    assert len(runs) == 1
    assert await database.read(names) == []
    await database.write(lambda tx: add("after", tx))
    assert await database.read(names) == ["after"]
    await database.close()


async def test_an_operation_that_fails_among_rows_is_told_its_own_error(store: Path) -> None:
    database = SqliteDatabase.open(store)
    await database.write(lambda tx: add("there", tx))

    def fail_among_rows(tx: Transaction) -> None:
        rows = tx.stream("UPDATE organizations SET created_at = 'now' RETURNING id")
        for _ in rows:
            raise NotFound("Oh.")

    outcomes = await asyncio.gather(
        database.write(lambda tx: add("before", tx)),
        database.write(fail_among_rows),
        database.write(lambda tx: add("behind", tx)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), NotFound, type(None)]
    assert await database.read(names) == ["before", "behind", "there"]
    await database.close()


async def test_what_fails_after_long_is_told_its_own_error_though_another_process_comes_first(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = SqliteDatabase.open(store)
    real_time = time.monotonic

    def fail_late(tx: Transaction) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: real_time() + 3_600)
        add_and_fail(tx)

    def let_another_come_first(connection: apsw.Connection, sql: str) -> apsw.Cursor:
        if not sql.startswith("ROLLBACK; "):
            return execute(connection, sql)
        execute(connection, "ROLLBACK")
        other = apsw.Connection(str(store))
        execute(other, "BEGIN IMMEDIATE")
        threading.Timer(0.1, other.close).start()
        return execute(connection, sql.removeprefix("ROLLBACK; "))

    monkeypatch.setattr(writer, "execute", let_another_come_first)
    with pytest.raises(NotFound):
        await database.write(fail_late)
    monkeypatch.undo()
    await database.close()


async def test_a_write_that_is_cancelled_before_it_began_is_not_begun(store: Path) -> None:
    database = SqliteDatabase.open(store)
    begun, released = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> None:
        begun.set()
        released.wait(TIMEOUT)

    busy = asyncio.ensure_future(database.write(wait))
    await asyncio.to_thread(begun.wait, TIMEOUT)
    waiting = asyncio.ensure_future(database.write(lambda tx: add("cancelled", tx)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    released.set()
    await busy
    await database.write(lambda tx: add("after", tx))
    assert await database.read(names) == ["after"]
    await database.close()


async def test_whoever_has_been_answered_hears_no_more_of_what_was_done(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, early = threading.Event(), list[bool]()

    def publish(feed: ChangeFeed, changes: list[Change]) -> None:
        """Give an answer that is ahead of this the time to arrive."""
        early.append(answered.wait(0.2))

    monkeypatch.setattr(ChangeFeed, "publish", publish)
    database = SqliteDatabase.open(store)
    await database.write(lambda tx: tx.publish(Change("ticket.created")))
    answered.set()
    assert early == [False]
    await database.close()
