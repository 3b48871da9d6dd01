"""Databases by their name: the path of a file, or a URL."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from anyio.from_thread import start_blocking_portal

from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Clock, Database, Transaction, utc_now

EVERY_DATABASE = ("store", "postgres")
"""The fixtures that name a fresh store, one for each database."""

ResultT = TypeVar("ResultT")


def open_database(name: str, *, read_only: bool = False, clock: Clock | None = None) -> Database:
    if name.startswith("postgresql://"):
        return PostgresDatabase.open(name, read_only=read_only, clock=clock)
    return SqliteDatabase.open(Path(name), read_only=read_only, clock=clock or utc_now)


def address(name: str) -> str:
    """Return what HANDOFF_BACKEND has to be for a database."""
    return name if name.startswith("postgresql://") else f"sqlite:///{name}"


def in_store(name: Path | str, use: Callable[[StoreBackend], Awaitable[ResultT]]) -> ResultT:
    """Use a store from this process, beside the servers that have it open."""
    return _in_database(str(name), lambda database: use(StoreBackend(database)))


def empty(store: Path) -> None:
    """Leave nothing but tokens in a file, so that a server that has it open serves a new test."""
    _in_database(str(store), lambda database: database.write(_delete_all))


def _in_database(name: str, use: Callable[[Database], Awaitable[ResultT]]) -> ResultT:
    """Use a database in a thread of its own: there may be an event loop in this one, or none."""

    async def opened_and_closed() -> ResultT:
        database = open_database(name)
        try:
            return await use(database)
        finally:
            await database.close()

    with start_blocking_portal() as portal:
        return portal.call(opened_and_closed)


def _delete_all(tx: Transaction) -> None:
    tx.execute("PRAGMA defer_foreign_keys = ON")
    tx.execute("INSERT INTO ticket_terms (ticket_terms) VALUES ('delete-all')")
    for table in tx.fetch_all(
        "SELECT name FROM pragma_table_list WHERE strict AND name <> 'tokens'"
    ):
        tx.execute(f"DELETE FROM {table['name']}")
