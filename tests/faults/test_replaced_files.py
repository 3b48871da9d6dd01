"""Files of a store that are deleted, replaced or overwritten under a running server."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.invariants import assert_whole
from tests.backends.wording import assert_own_words
from tests.http.served import Served, make_project
from tests.http.test_access import TICKET
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

MANY = 120
"""More tickets than the log holds before it is written into the database."""


def beside(store: Path, suffix: str) -> Path:
    return store.with_name(store.name + suffix)


def run(*command: str) -> None:
    """Run a command in a process of its own: a file that this one opened and closed would lose the
    locks that SQLite has on it."""
    subprocess.run(command, check=True, timeout=TIMEOUT)


def elsewhere(store: Path, *statements: str) -> None:
    """Run SQL in another process."""
    code = (
        "import sys, apsw; c = apsw.Connection(sys.argv[1]);"
        " [c.execute(sql).fetchall() for sql in sys.argv[2:]]"
    )
    run(sys.executable, "-c", code, str(store), *statements)


async def file(backend: StoreBackend, caller: Caller, count: int) -> list[int | None]:
    """File so many tickets; return their numbers."""
    created = [
        await backend.create_ticket(caller, requests.create_ticket(title=f"Fault number {n}"))
        for n in range(count)
    ]
    return [each.ticket.number for each in created]


async def assert_refused(backend: StoreBackend, caller: Caller, name: str) -> None:
    for refused in (
        backend.create_ticket(caller, requests.create_ticket(title="Too late")),
        backend.check_ready(),
    ):
        with pytest.raises(BackendUnavailable, match=f"^{name} was .*nothing was changed") as error:
            await refused
        assert_own_words(error.value)


async def numbers(store: Path) -> set[int]:
    """Return the numbers of all tickets in a store, which must be whole."""
    await assert_whole(store)
    database = SqliteDatabase.open(store)
    rows = await database.read(lambda tx: tx.fetch_all("SELECT number FROM tickets"))
    await database.close()
    return {row["number"] for row in rows}


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
async def test_without_its_log_or_index_a_store_takes_no_writes_and_has_all_after_a_restart(
    store: Path, caller: Caller, suffix: str
) -> None:
    backend = StoreBackend(SqliteDatabase.open(store))
    acknowledged = await file(backend, caller, 3)
    beside(store, suffix).unlink()
    await assert_refused(backend, caller, f"handoff.db{suffix}")
    await backend.close()
    assert await numbers(store) == set(acknowledged)


async def test_behind_a_link_the_log_of_the_file_itself_is_looked_at(
    store: Path, caller: Caller
) -> None:
    link = store.with_name("link.db")
    os.symlink(store.name, link)
    backend = StoreBackend(SqliteDatabase.open(link))
    await file(backend, caller, 1)
    os.remove(beside(store, "-wal"))
    await assert_refused(backend, caller, "handoff.db-wal")
    await backend.close()


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
async def test_of_two_servers_that_see_different_files_one_gives_out_numbers(
    store: Path, caller: Caller, suffix: str
) -> None:
    first = StoreBackend(SqliteDatabase.open(store))
    await file(first, caller, 1)
    beside(store, suffix).unlink()
    with suppress(subprocess.CalledProcessError):  # it may find the store damaged
        elsewhere(store, "INSERT INTO ticket_terms (ticket_terms) VALUES ('optimize')")
    await assert_refused(first, caller, f"handoff.db{suffix}")
    await first.close()


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
async def test_a_store_whose_name_is_not_its_own_takes_no_writes(
    store: Path, caller: Caller, how: str
) -> None:
    backend = StoreBackend(SqliteDatabase.open(store))
    acknowledged = await file(backend, caller, 3)
    kept = store.with_name("kept.db")
    os.rename(store, kept)
    if how == "deleted":
        os.remove(kept)
    if how == "replaced":
        elsewhere(store, "CREATE TABLE songs (title)")
    await assert_refused(backend, caller, "handoff.db")
    await backend.close()
    if how == "moved":
        kept.rename(store)
        assert await numbers(store) == set(acknowledged)


def older(store: Path, copy: Path) -> None:
    """Leave a copy that was made while nobody had the store open."""
    run("cp", str(store), str(copy))


def vacuumed(store: Path, copy: Path) -> None:
    elsewhere(store, f"VACUUM INTO '{copy}'")


@pytest.mark.parametrize("copied", [older, vacuumed])
async def test_over_a_copy_that_was_written_over_the_store_nothing_is_written(
    store: Path, caller: Caller, copied: Callable[[Path, Path], None]
) -> None:
    backend = StoreBackend(SqliteDatabase.open(store))
    before = await file(backend, caller, 5)
    await backend.close()
    copy = store.with_name("copy.db")
    copied(store, copy)
    backend = StoreBackend(SqliteDatabase.open(store))
    await file(backend, caller, MANY)
    run("cp", str(copy), str(store))
    await assert_refused(backend, caller, "handoff.db")
    await backend.close()
    assert await numbers(store) == set(before)


async def test_another_stores_file_is_not_written(store: Path, caller: Caller) -> None:
    other = store.with_name("other.db")
    backend = StoreBackend(SqliteDatabase.open(other))
    filed = await file(backend, caller, MANY)
    await backend.close()
    backend = StoreBackend(SqliteDatabase.open(store))
    await file(backend, caller, 1)
    run("cp", str(other), str(store))
    await assert_refused(backend, caller, "handoff.db")
    await backend.close()
    assert await numbers(store) == set(filed)


async def test_what_sqlite_itself_does_to_a_store_from_elsewhere_is_no_other_file(
    store: Path, caller: Caller
) -> None:
    backend = StoreBackend(SqliteDatabase.open(store))
    zeros = "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n LIMIT 500)"
    elsewhere(store, f"CREATE TABLE zeros AS {zeros} SELECT zeroblob(4000) AS zero FROM n")
    for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "ANALYZE", "DELETE FROM zeros", "VACUUM"):
        elsewhere(store, statement)
        await file(backend, caller, 5)
        elsewhere(store, "PRAGMA wal_checkpoint")
        await file(backend, caller, 5)
    await backend.close()
    await assert_whole(store)


def test_a_server_whose_store_was_deleted_is_not_ready_until_it_is_back(
    store: Path,
) -> None:
    make_project(store, "shop")
    with Served(store) as served:
        assert served.http.get("/readyz").status_code == 200
        store.rename(store.with_name("moved.db"))
        assert served.http.get("/readyz").status_code == 503
        refused = served.http.post("/api/projects/shop/tickets", json=TICKET)
        assert refused.status_code == 502
        assert "handoff.db was deleted, moved or replaced" in refused.text
        store.with_name("moved.db").rename(store)
        assert served.http.get("/readyz").status_code == 200
