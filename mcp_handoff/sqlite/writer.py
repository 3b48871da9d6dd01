"""The one thread of a process that writes to a file, with group commit.

Every write that waits is taken into one transaction, each in a SAVEPOINT of its own, and nobody
gets a result before the COMMIT has reached the disk (synchronous=FULL, https://sqlite.org/wal.html).
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

import apsw

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.sqlite.failures import failure, reason_of
from mcp_handoff.sqlite.transaction import SqliteTransaction, execute, roll_back
from mcp_handoff.store.transaction import Clock, Transaction

ResultT = TypeVar("ResultT")

BATCH = 256
"""The most writes that one commit takes."""


class Writer:
    """Writes on a thread of its own until it is stopped."""

    def __init__(self, connection: apsw.Connection, clock: Clock, feed: ChangeFeed) -> None:
        self._connection = connection
        self._clock = clock
        self._feed = feed
        self._queue: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Callable[[Transaction], ResultT]) -> "Future[ResultT]":
        """Queue an operation; its result comes once it is durable."""
        write = _Write(operation)
        self._queue.put(write)
        return write.future

    def stop(self) -> None:
        """Finish what waits, then close the connection."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            batch = [self._queue.get()]
            with suppress(queue.Empty):
                while batch[-1] is not None and len(batch) < BATCH:
                    batch.append(self._queue.get_nowait())
            stopped = batch[-1] is None
            writes = [write for write in batch if write is not None]
            self._commit([write for write in writes if write.future.set_running_or_notify_cancel()])

    def _commit(self, writes: "list[_Write[Any]]") -> None:
        connection, committing = self._connection, False
        try:
            execute(connection, "BEGIN IMMEDIATE")
            now = self._clock()
            outcomes = [write.attempt(connection, now, self._feed) for write in writes]
            committing = True
            execute(connection, "COMMIT")
        except apsw.Error as error:
            roll_back(connection)
            failed = failure(error, committing=committing)
            outcomes = [partial(write.future.set_exception, failed) for write in writes]
        for deliver in outcomes:
            deliver()


@dataclass(frozen=True, slots=True)
class _Write(Generic[ResultT]):
    """One operation that waits."""

    operation: Callable[[Transaction], ResultT]
    future: "Future[ResultT]" = field(default_factory=lambda: Future[ResultT]())

    def attempt(
        self, connection: apsw.Connection, now: datetime, feed: ChangeFeed
    ) -> Callable[[], None]:
        """Run the operation and return what delivers its outcome, and publishes its changes, once
        it is durable.

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
            self.future.set_result(result)
            feed.publish(transaction.published)

        return deliver
