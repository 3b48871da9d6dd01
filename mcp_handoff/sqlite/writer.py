"""The one thread of a process that writes to a file, with group commit.

Every write that waits is taken into one transaction, and nobody gets a result before the COMMIT has
reached the disk (synchronous=FULL, https://sqlite.org/wal.html). Where one of them fails that has
written something, the others are run anew, each in a SAVEPOINT of its own.
"""

import asyncio
import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import apsw

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.sqlite.failures import failure, is_broken, reason_of
from mcp_handoff.sqlite.files import OpenFiles
from mcp_handoff.sqlite.journal import Journal
from mcp_handoff.sqlite.locks import LockWait
from mcp_handoff.sqlite.transaction import SqliteTransaction, execute, roll_back
from mcp_handoff.store.transaction import Clock, Transaction

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)

BATCH = 256
"""The most writes that one commit takes."""


class Writer:
    """Writes on a thread of its own until it is stopped, on a connection that `connect` opens anew
    when the file has failed on it; the first one is given. Once `ending` is set it waits for
    nobody's locks."""

    def __init__(
        self,
        connection: apsw.Connection,
        connect: Callable[[], apsw.Connection],
        files: OpenFiles,
        clock: Clock,
        feed: ChangeFeed,
        journal: Journal,
        ending: threading.Event,
    ) -> None:
        self._connection = connection
        self._connect = connect
        self._files = files
        self._clock = clock
        self._feed = feed
        self._journal = journal
        self._ending = ending
        self._first_queued = 0.0
        self._queue: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._wait_in_turn()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Callable[[Transaction], ResultT]) -> "asyncio.Future[ResultT]":
        """Queue an operation; its result comes once it is durable, on the running event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[ResultT] = loop.create_future()
        self._queue.put(_Write(operation, loop, future))
        return future

    def run(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Queue an operation and return its result once it is durable, in a thread that may
        wait."""
        future = Future[ResultT]()
        self._queue.put(_Write(operation, None, future))
        return future.result()

    def stop(self) -> None:
        """Finish what is queued, then close the connection."""
        self._queue.put(None)
        self._thread.join()
        self._files.close(self._connection)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            if not first.future.cancelled():
                self._first_queued = first.queued
                self._commit(first)

    def _commit(self, first: "_Write[Any]") -> None:
        """Run the first write, and in the same transaction all that were queued until it began."""
        connection, committing, broken = self._connection, False, False
        writes = [first]
        try:
            execute(connection, "BEGIN IMMEDIATE")
            writes += self._queued(BATCH - 1)
            batch = SqliteTransaction(connection, self._clock())
            if not all(write.attempt(batch) for write in writes):
                self._first_queued = time.monotonic()  # others may come first after all this time
                execute(connection, "ROLLBACK; BEGIN IMMEDIATE")
                for write in writes if len(writes) > 1 else ():
                    write.attempt_apart(batch)
            self._files.check_names()
            self._files.check_content(connection)
            tell = self._journal.read(batch)
            committing = True
            execute(connection, "COMMIT")
            tell()
        except (apsw.Error, BackendUnavailable) as error:
            roll_back(connection)
            failed = self._failure(error, committing=committing)
            for write in writes:
                write.fail(failed)
            broken = is_broken(error)
        self._deliver(writes)
        if broken:
            self._reconnect()

    def _deliver(self, writes: "Sequence[_Write[Any]]") -> None:
        """Publish what was changed and then tell how it went: whoever was answered and listens from
        then on does not hear of it again."""
        self._feed.publish([change for write in writes for change in write.published])
        for loop in {write.loop for write in writes}:
            of_loop = [write for write in writes if write.loop is loop]
            if loop is None:
                _settle(of_loop)
            else:
                with suppress(RuntimeError):  # it was closed: nobody waits any more
                    loop.call_soon_threadsafe(_settle, of_loop)

    def _queued(self, most: int) -> "list[_Write[Any]]":
        """Take what is queued by now and was not cancelled."""
        writes: list[_Write[Any]] = []
        with suppress(queue.Empty):
            while len(writes) < most:
                write = self._queue.get_nowait()
                if write is None:
                    self._queue.put(None)  # for `_run`, which ends with it
                    break
                if not write.future.cancelled():
                    writes.append(write)
        return writes

    def _failure(self, error: Exception, *, committing: bool) -> Exception:
        """Return what the callers get; that the files are others' explains every other failure."""
        if not isinstance(error, apsw.Error):
            return error
        if isinstance(error, apsw.BusyError) and self._ending.is_set():
            return BackendUnavailable(
                "Other processes kept the store locked until this server ended; nothing was"
                " changed."
            )
        return failure(error, committing=committing)

    def _reconnect(self) -> None:
        """Take a new connection, for SQLite may keep a failure: a log that could not be opened for
        writing stays open for reading alone. The old one is closed last, so that its lock keeps
        the files what they are."""
        try:
            fresh = self._connect()
        except (apsw.Error, BackendUnavailable):
            logger.exception("the store could not be opened again")
            return
        self._connection.close(force=True)
        self._connection = fresh
        self._wait_in_turn()

    def _wait_in_turn(self) -> None:
        """Let the connection wait for others' locks as long as whoever was queued first may."""
        self._connection.set_busy_handler(LockWait(self._ending, lambda: self._first_queued))


@dataclass(slots=True)
class _Write(Generic[ResultT]):
    """One operation that waits, and then how it went; its future is one of an event loop's, or one
    that a thread waits for."""

    operation: Callable[[Transaction], ResultT]
    loop: asyncio.AbstractEventLoop | None
    future: "asyncio.Future[ResultT] | Future[ResultT]"
    queued: float = field(default_factory=time.monotonic)
    published: Sequence[Change] = ()
    result: ResultT | None = None
    error: Exception | None = None

    def attempt(self, batch: SqliteTransaction) -> bool:
        """Run the operation in the transaction of a batch; tell whether that holds nothing of it if
        it failed. The disk's failure, which is everyone's, is raised."""
        connection = batch.connection
        written = connection.total_changes()
        transaction = SqliteTransaction(connection, batch.now)
        try:
            self.result, self.error = self.operation(transaction), None
        except Exception as error:
            if isinstance(error, apsw.Error) and (
                reason_of(error) or not connection.in_transaction
            ):
                raise
            # What it read from would stay open with its frames, and nothing could be committed.
            traceback.clear_frames(error.__traceback__)
            self.fail(error)
            return connection.total_changes() == written
        self.published = transaction.published
        return True

    def attempt_apart(self, batch: SqliteTransaction) -> None:
        """Run the operation so that a failure of its own undoes itself alone."""
        execute(batch.connection, "SAVEPOINT one")
        if not self.attempt(batch):
            execute(batch.connection, "ROLLBACK TO one")
        execute(batch.connection, "RELEASE one")

    def fail(self, error: Exception) -> None:
        self.error, self.published = error, ()


def _settle(writes: Sequence[_Write[Any]]) -> None:
    """Tell those who wait how it went, on the event loop that they wait on."""
    for write in writes:
        if write.future.done():
            continue  # cancelled
        if write.error is None:
            write.future.set_result(write.result)
        else:
            write.future.set_exception(write.error)
