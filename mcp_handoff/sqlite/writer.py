"""The one thread of a process that writes to a file, with group commit.

Every write that waits is taken into one transaction, each in a SAVEPOINT of its own, and nobody
gets a result before the COMMIT has reached the disk (synchronous=FULL, https://sqlite.org/wal.html).
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

import apsw

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.errors import BackendUnavailable
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

    def submit(self, operation: Callable[[Transaction], ResultT]) -> "Future[ResultT]":
        """Queue an operation; its result comes once it is durable."""
        write = _Write(operation)
        self._queue.put(write)
        return write.future

    def stop(self) -> None:
        """Finish what is queued, then close the connection."""
        self._queue.put(None)
        self._thread.join()
        self._files.close(self._connection)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            self._first_queued = first.queued
            self._commit(first)

    def _commit(self, first: "_Write[Any]") -> None:
        """Run the first write, and in the same transaction all that were queued until it began."""
        connection, committing = self._connection, False
        writes = [first] if first.future.set_running_or_notify_cancel() else []
        broken = False
        try:
            execute(connection, "BEGIN IMMEDIATE")
            writes += self._queued(BATCH - 1)
            now = self._clock()
            transaction = SqliteTransaction(connection, now)
            self._journal.tell_others(transaction)
            outcomes = [write.attempt(connection, now, self._feed) for write in writes]
            self._files.check_names()
            self._files.check_content(connection)
            newest = self._journal.newest_own(transaction)
            committing = True
            execute(connection, "COMMIT")
            self._journal.skip_own(newest)
        except (apsw.Error, BackendUnavailable) as error:
            roll_back(connection)
            failed = self._failure(error, committing=committing)
            outcomes = [partial(write.future.set_exception, failed) for write in writes]
            broken = is_broken(error)
        for deliver in outcomes:
            deliver()
        if broken:
            self._reconnect()

    def _queued(self, most: int) -> "list[_Write[Any]]":
        """Take what is queued by now and was not cancelled."""
        writes: list[_Write[Any]] = []
        with suppress(queue.Empty):
            while len(writes) < most:
                write = self._queue.get_nowait()
                if write is None:
                    self._queue.put(None)  # for `_run`, which ends with it
                    break
                if write.future.set_running_or_notify_cancel():
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


@dataclass(frozen=True, slots=True)
class _Write(Generic[ResultT]):
    """One operation that waits."""

    operation: Callable[[Transaction], ResultT]
    future: "Future[ResultT]" = field(default_factory=lambda: Future[ResultT]())
    queued: float = field(default_factory=time.monotonic)

    def attempt(
        self, connection: apsw.Connection, now: datetime, feed: ChangeFeed
    ) -> Callable[[], None]:
        """Run the operation and return what publishes its changes, and delivers its outcome, once
        it is durable: whoever was answered and listens from then on does not hear of it again.

        A failure of its own undoes itself alone; the disk's, which is everyone's, is raised.
        """
        execute(connection, "SAVEPOINT one")
        transaction = SqliteTransaction(connection, now)
        try:
            result = self.operation(transaction)
        except Exception as error:
            if isinstance(error, apsw.Error) and (
                reason_of(error) or not connection.in_transaction
            ):
                raise
            execute(connection, "ROLLBACK TO one; RELEASE one")
            return partial(self.future.set_exception, error)
        execute(connection, "RELEASE one")

        def deliver() -> None:
            feed.publish(transaction.published)
            self.future.set_result(result)

        return deliver
