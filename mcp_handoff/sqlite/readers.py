"""The connections that read, each lent to one operation at a time, for so long and no longer."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
import apsw

from mcp_handoff.sqlite.failures import failure
from mcp_handoff.sqlite.opening import connect
from mcp_handoff.sqlite.transaction import SqliteTransaction, execute, roll_back
from mcp_handoff.store.transaction import READ_SECONDS, Clock, Transaction

ResultT = TypeVar("ResultT")

_STEPS = 1_000
"""How many steps of SQLite's machine lie between two looks at the time: some milliseconds."""


class Readers:
    """Reads a file in worker threads, with at most `count` connections, opened when needed."""

    def __init__(self, path: Path, clock: Clock, count: int) -> None:
        self._path = path
        self._clock = clock
        self._idle = deque[apsw.Connection]()
        self._limiter = anyio.CapacityLimiter(count)

    def take(self, connection: apsw.Connection) -> None:
        """Read on a connection that is open already."""
        self._idle.append(connection)

    async def run(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Return what an operation reads. Raises TookTooLong after READ_SECONDS."""
        return await anyio.to_thread.run_sync(self._run, operation, limiter=self._limiter)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _run(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        until = time.monotonic() + READ_SECONDS
        try:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = connect(self._path, read_only=True)
            try:
                connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
                execute(connection, "BEGIN")
                return operation(SqliteTransaction(connection, self._clock()))
            finally:
                connection.set_progress_handler(None)
                roll_back(connection)
                self._idle.append(connection)
        except apsw.Error as error:
            raise failure(error) from error
