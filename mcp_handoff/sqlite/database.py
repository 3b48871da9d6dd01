"""The `Database` in a file: one thread that writes, reading connections apart."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
import apsw

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.sqlite.failures import failure
from mcp_handoff.sqlite.opening import connect, prepare
from mcp_handoff.sqlite.transaction import SqliteTransaction, execute, roll_back
from mcp_handoff.sqlite.writer import Writer
from mcp_handoff.store.transaction import Clock, Transaction, utc_now

ResultT = TypeVar("ResultT")

READERS = 4
"""How many operations read at once."""


class SqliteDatabase:
    """A `Database` in one file, shared by any number of processes on one machine."""

    def __init__(
        self, path: Path, connection: apsw.Connection, clock: Clock, *, read_only: bool
    ) -> None:
        self._path = path
        self._clock = clock
        self._feed = ChangeFeed()
        self._writer = None if read_only else Writer(connection, clock, self._feed)
        self._readers = deque([connection] if read_only else [])
        self._limiter = anyio.CapacityLimiter(READERS)

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
        return await anyio.to_thread.run_sync(self._read, operation, limiter=self._limiter)

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        return self._feed.subscribe()

    async def close(self) -> None:
        # The writer goes last, for whoever goes last folds the log into the file.
        while self._readers:
            self._readers.pop().close()
        if self._writer is not None:
            await anyio.to_thread.run_sync(self._writer.stop)

    def _read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        try:
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = connect(self._path, read_only=True)
            try:
                execute(connection, "BEGIN")
                return operation(SqliteTransaction(connection, self._clock()))
            finally:
                roll_back(connection)
                self._readers.append(connection)
        except apsw.Error as error:
            raise failure(error) from error
