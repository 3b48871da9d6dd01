"""The `Database`: a pool of connections in worker threads, row locks where a rule needs them.

A transaction that others got in the way of is run again, as is one whose connection was lost before
its COMMIT was sent. Why READ COMMITTED: docs/decisions/postgresql.md.
"""

import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import LiteralString, TypeVar

import anyio
import anyio.to_thread
import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from mcp_handoff.changes import Followers
from mcp_handoff.errors import BackendUnavailable, OutcomeUnknown
from mcp_handoff.events import Change
from mcp_handoff.postgres.failures import failure, is_lost
from mcp_handoff.postgres.listener import Listener
from mcp_handoff.postgres.opening import PATIENCE_SECONDS, prepare
from mcp_handoff.postgres.transaction import Connection, PostgresTransaction
from mcp_handoff.store.transaction import Transaction

ResultT = TypeVar("ResultT")
Clock = Callable[[], datetime]

CONNECTIONS = 8
"""The most that one process holds, beside the one that listens."""

TURNS = 10
"""How often a transaction is run that others got in the way of."""

_BEGIN_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    "SELECT set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '10s', true),"
    " set_config('idle_in_transaction_session_timeout', '30s', true)",
)
_BEGIN_READ = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",)

_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
"""A unique value that another transaction took first: the next turn finds what that one wrote."""

logger = logging.getLogger(__name__)
logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what calls recover from


def utc_now() -> datetime:
    return datetime.now(UTC)


class PostgresDatabase:
    """A `Database` that any number of processes on any number of machines share."""

    def __init__(
        self, conninfo: str, pool: ConnectionPool[Connection], clock: Clock, *, read_only: bool
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._read_only = read_only
        self._limiter = anyio.CapacityLimiter(CONNECTIONS)
        self._followers = Followers()
        self._listener = Listener(conninfo, self._followers)

    @classmethod
    def open(
        cls, url: str, *, read_only: bool = False, clock: Clock = utc_now
    ) -> "PostgresDatabase":
        """Connect, and make the schema when it is missing or migrate it when it is old.

        Raises Misconfigured when the database can't be used: no such URL, host, user, password or
        database, no TLS as asked for, another program's tables, a newer program's schema.
        """
        conninfo = prepare(url, read_only=read_only)
        pool = ConnectionPool(
            conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=CONNECTIONS,
            reconnect_timeout=PATIENCE_SECONDS,
            open=True,
        )
        return cls(conninfo, pool, clock, read_only=read_only)

    async def write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        if self._read_only:
            raise BackendUnavailable("The store was opened for reading only; nothing was changed.")
        return await anyio.to_thread.run_sync(self._write, operation, limiter=self._limiter)

    async def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await anyio.to_thread.run_sync(self._read, operation, limiter=self._limiter)

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Change]]:
        async with self._followers.following() as changes:
            await anyio.to_thread.run_sync(self._listener.start)
            yield changes

    async def close(self) -> None:
        await anyio.to_thread.run_sync(self._listener.stop)
        await anyio.to_thread.run_sync(self._pool.close)

    def _write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        def attempt(connection: Connection) -> ResultT:
            with connection.pipeline() as pipeline:
                _execute_all(connection, _BEGIN_WRITE)
                result = operation(PostgresTransaction(connection, self._clock()))
                _commit(connection, pipeline)
            return result

        return self._attempted(attempt)

    def _read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        def attempt(connection: Connection) -> ResultT:
            with connection.pipeline():
                _execute_all(connection, _BEGIN_READ)
                result = operation(PostgresTransaction(connection, self._clock()))
                connection.execute("COMMIT")
            return result

        return self._attempted(attempt)

    def _attempted(self, attempt: Callable[[Connection], ResultT]) -> ResultT:
        until, turn = time.monotonic() + PATIENCE_SECONDS, 1
        while True:
            left = until - time.monotonic()
            try:
                with self._pool.connection(max(left, 0.001)) as connection:
                    return attempt(connection)
            except psycopg.Error as error:
                again = turn < TURNS if isinstance(error, _CONFLICTS) else is_lost(error, left)
                if not again:
                    raise failure(error) from error
            time.sleep(random.uniform(0, 0.002 * 2 ** min(turn, 7)))  # noqa: S311 - no secret
            turn += 1


def _execute_all(connection: Connection, statements: Sequence[LiteralString]) -> None:
    for statement in statements:
        connection.execute(statement)


def _commit(connection: Connection, pipeline: psycopg.Pipeline) -> None:
    """Commit; only once the server has said so is anything durable.

    After a statement that failed, the server skips the COMMIT and says so, which raises.
    """
    connection.execute("COMMIT")
    try:
        pipeline.sync()
    except psycopg.Error as error:
        if is_lost(error):
            logger.warning("the connection was lost while committing", exc_info=error)
            raise OutcomeUnknown(
                "The connection to the database was lost while committing. Look before a retry."
            ) from error
        raise
