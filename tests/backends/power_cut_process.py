"""A process that writes to a store and records what it did to the disk and what it acknowledged.

Called with a store, the file for the record and SQLite's `synchronous`: FULL, which the store sets
itself, or OFF.
"""

import asyncio
import pickle
import sys
from functools import partial
from pathlib import Path

import apsw

from mcp_handoff.backend import Backend
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests.backends.power_cut import Acknowledged, Happening, RecordingVfs
from tests.backends.writer_process import Acknowledge, Acknowledgement, live

STARTS = 3
"""How often the store is opened and closed again."""

TASKS = 4
TICKETS = 10
"""How many tickets each task takes through their lives between opening and closing."""


def main(store: Path, record_file: Path, synchronous: str) -> None:
    record: list[Happening] = []
    vfs = RecordingVfs(record)
    for start in range(STARTS):
        asyncio.run(_write(_opened(store, synchronous), f"s{start}", record))
    vfs.unregister()
    record_file.write_bytes(pickle.dumps(record))


def _opened(store: Path, synchronous: str) -> SqliteDatabase:
    connections: list[apsw.Connection] = []
    apsw.connection_hooks.append(connections.append)
    database = SqliteDatabase.open(store)
    for connection in connections:
        if synchronous == "OFF":
            connection.pragma("synchronous", "OFF")  # pyright: ignore[reportUnknownMemberType] - its stub names a type that Python 3.11 has not
    apsw.connection_hooks.clear()
    return database


async def _write(database: SqliteDatabase, name: str, record: list[Happening]) -> None:
    backend = StoreBackend(database)
    acknowledge = partial(_record, record)
    async with asyncio.TaskGroup() as tasks:
        for task in range(TASKS):
            tasks.create_task(_live(backend, f"{name}t{task}", acknowledge))
    await backend.close()


async def _live(backend: Backend, name: str, acknowledge: Acknowledge) -> None:
    for ticket in range(TICKETS):
        await live(backend, f"{name}n{ticket}", acknowledge)


def _record(record: list[Happening], acknowledgement: Acknowledgement) -> None:
    record.append(Acknowledged(acknowledgement))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
