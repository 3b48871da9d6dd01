"""The `Database` in a file: one thread that writes, reading connections apart."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
import apsw

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.sqlite.opening import prepare
from mcp_handoff.sqlite.readers import Readers
from mcp_handoff.sqlite.writer import Writer
from mcp_handoff.store.transaction import Clock, Transaction, utc_now

ResultT = TypeVar("ResultT")

READERS = 4
"""How many operations read at once, beside the one that may not wait for them."""


class SqliteDatabase:
    """A `Database` in one file, shared by any number of processes on one machine."""

    def __init__(
        self, path: Path, connection: apsw.Connection, clock: Clock, *, read_only: bool
    ) -> None:
        self._feed = ChangeFeed()
        self._writer = None if read_only else Writer(connection, clock, self._feed)
        self._readers = Readers(path, clock, READERS)
        self._reserved = Readers(path, clock, 1)
        if read_only:
            self._readers.take(connection)

    @classmethod
    def open(
        cls, path: Path, *, read_only: bool = False, clock: Clock = utc_now
    ) -> "SqliteDatabase":
        """Open the file, make it when it is new and migrate it when it is old.

        Raises Misconfigured when it can't be used: no directory, no permission, another program's
        file, a newer program's.
        """
        return cls(path, prepare(path, read_only=read_only), clock, read_only=read_only)

    async def write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        if self._writer is None:
            raise BackendUnavailable("The store was opened for reading only; nothing was changed.")
        return await asyncio.wrap_future(self._writer.submit(operation))

    async def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._readers.run(operation)

    async def read_apart(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._reserved.run(operation)

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        return self._feed.subscribe()

    async def close(self) -> None:
        # The writer goes last, for whoever goes last folds the log into the file.
        self._readers.close()
        self._reserved.close()
        if self._writer is not None:
            await anyio.to_thread.run_sync(self._writer.stop)
