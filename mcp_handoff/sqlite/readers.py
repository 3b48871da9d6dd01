"""The connections that read, each lent to one operation at a time, for so long and no longer."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import anyio.to_thread
import apsw

from mcp_handoff.sqlite.failures import failure, is_broken
from mcp_handoff.sqlite.files import GLANCE_SECONDS, OpenFiles
from mcp_handoff.sqlite.transaction import SqliteTransaction, execute, roll_back
from mcp_handoff.store.transaction import READ_SECONDS, Clock, Transaction

ResultT = TypeVar("ResultT")

_STEPS = 1_000
"""How many steps of SQLite's machine lie between two looks at the time: some milliseconds."""


class Readers:
    """Reads in worker threads, with at most `count` connections, which `connect` opens when they
    are needed; an operation may take so many `seconds`."""

    def __init__(
        self,
        connect: Callable[[], apsw.Connection],
        files: OpenFiles,
        clock: Clock,
        count: int,
        seconds: float = READ_SECONDS,
    ) -> None:
        self._connect = connect
        self._files = files
        self._clock = clock
        self._seconds = seconds
        self._idle = deque[apsw.Connection]()
        self._limiter = anyio.CapacityLimiter(count)
        self._reading = 0
        self._ended = threading.Condition()

    def take(self, connection: apsw.Connection) -> None:
        """Read on a connection that is open already."""
        self._idle.append(connection)

    async def run(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Return what an operation reads. Raises TookTooLong after its seconds."""
        return await anyio.to_thread.run_sync(self.read, operation, limiter=self._limiter)

    def close(self) -> None:
        """Close every connection, once nobody reads any more."""
        with self._ended:
            self._ended.wait_for(lambda: not self._reading)
        while self._idle:
            self._idle.pop().close()

    def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Return what an operation reads, in this thread. Raises TookTooLong as `run` does."""
        with self._ended:
            self._reading += 1
        try:
            self._files.check_names(age=GLANCE_SECONDS)
            with self._lend() as connection:
                return operation(SqliteTransaction(connection, self._clock()))
        except apsw.Error as error:
            raise failure(error) from error
        finally:
            with self._ended:
                self._reading -= 1
                self._ended.notify_all()

    @contextmanager
    def _lend(self) -> Generator[apsw.Connection]:
        """Lend a connection in a transaction; one on which the file failed is not lent again."""
        until = time.monotonic() + self._seconds
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        broken = False
        try:
            connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            execute(connection, "BEGIN")
            yield connection
        except apsw.Error as error:
            broken = is_broken(error)
            raise
        finally:
            connection.set_progress_handler(None)
            roll_back(connection)
            if broken:
                connection.close(force=True)
            else:
                self._idle.append(connection)
