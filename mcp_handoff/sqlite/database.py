"""The `Database` in a file: one thread that writes, reading connections apart."""

import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

import anyio.to_thread
import apsw

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.sqlite.erasure import erase_deleted
from mcp_handoff.sqlite.files import OpenFiles
from mcp_handoff.sqlite.journal import Journal
from mcp_handoff.sqlite.locks import LockWait
from mcp_handoff.sqlite.opening import connect, prepare
from mcp_handoff.sqlite.readers import Readers
from mcp_handoff.sqlite.watch import Watch
from mcp_handoff.sqlite.writer import Writer
from mcp_handoff.store.transaction import Clock, Transaction, utc_now

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)

READERS = 4
"""How many operations read at once, beside the one that may not wait for them."""


class SqliteDatabase:
    """A `Database` in one file, shared by any number of processes on one machine."""

    def __init__(
        self,
        path: Path,
        connection: apsw.Connection,
        files: OpenFiles,
        clock: Clock,
        *,
        read_only: bool,
    ) -> None:
        self._feed = ChangeFeed()
        self._journal = Journal(self._feed)
        self._path = path
        self._files = files
        self._ending = Event()
        connect_to_read = partial(self._connect, read_only=True)
        self._watch = Watch(connect_to_read, self._tell_others)
        self._readers = Readers(connect_to_read, self._files, clock, READERS)
        self._reserved = Readers(connect_to_read, self._files, clock, 1)
        self._patient = Readers(connect_to_read, self._files, clock, 1, seconds=math.inf)
        self._writer: Writer | None = None
        if read_only:
            connection.set_busy_handler(LockWait(self._ending))
            self._readers.take(connection)
        else:
            connect_to_write = partial(self._connect, read_only=False)
            self._writer = Writer(
                connection,
                connect_to_write,
                self._files,
                clock,
                self._feed,
                self._journal,
                self._ending,
            )

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        migrates: bool = True,
        clock: Clock = utc_now,
    ) -> "SqliteDatabase":
        """Open the file, make it when it is new and migrate it when it is old; see `prepare`."""
        connection, files = prepare(path, read_only=read_only, migrates=migrates)
        return cls(path, connection, files, clock, read_only=read_only)

    async def write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        if self._writer is None:
            raise BackendUnavailable("The store was opened for reading only; nothing was changed.")
        return await self._writer.submit(operation)

    async def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._readers.run(operation)

    async def read_at_length(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._patient.run(operation)

    async def write_at_length(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self.write(operation)

    async def read_apart(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._reserved.run(operation)

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Change]]:
        with self._watch.needed(), self._journal.followed():
            # Before this subscribes, so that it hears of nothing that it can read by now.
            await anyio.to_thread.run_sync(self._watch.start, abandon_on_cancel=True)
            async with self._feed.subscribe() as changes:
                yield changes

    async def erase_deleted(self) -> bool:
        return await anyio.to_thread.run_sync(self._erase_deleted)

    async def check_ready(self) -> None:
        # An empty transaction takes the lock and looks at the files, and writes nothing.
        await (self.write(_nothing) if self._writer else self.read(_nothing))

    async def close(self) -> None:
        self._ending.set()
        await anyio.to_thread.run_sync(self._watch.end)
        # The writer goes last, for whoever goes last folds the log into the file.
        await anyio.to_thread.run_sync(self._readers.close)
        await anyio.to_thread.run_sync(self._reserved.close)
        await anyio.to_thread.run_sync(self._patient.close)
        if self._writer is not None:
            await anyio.to_thread.run_sync(self._writer.stop)

    def _tell_others(self) -> None:
        """Publish what others changed, in the thread that publishes what this process does."""
        if self._writer is not None:
            self._writer.run(_nothing)
        else:
            self._readers.read(self._journal.read)()

    def _erase_deleted(self) -> bool:
        try:
            connection = self._connect(read_only=False)
            try:
                return erase_deleted(connection)
            finally:
                connection.close()
        except (apsw.Error, BackendUnavailable) as error:
            logger.warning("what was deleted may still be in the file: %s", error)
            return False

    def _connect(self, *, read_only: bool) -> apsw.Connection:
        """Open one more connection to the files that are open."""
        connection = connect(self._path, read_only=read_only, wait=LockWait(self._ending))
        try:
            self._files.check_names()
        except BackendUnavailable:
            connection.close()
            raise
        return connection


def _nothing(tx: Transaction) -> None:
    tx.fetch_one("SELECT 1 FROM projects")
