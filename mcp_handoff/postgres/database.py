"""The `Database`: a pool of connections in worker threads, row locks where a rule needs them.

A transaction that others got in the way of is run again, as is one whose connection was lost before
its COMMIT was sent. Why READ COMMITTED: docs/decisions/postgresql.md.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
import psycopg
from psycopg import errors

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.postgres.announcer import Announcer
from mcp_handoff.postgres.call import CALL_SECONDS, Call
from mcp_handoff.postgres.failures import failure, is_lost, unavailable
from mcp_handoff.postgres.grants import missing_grant
from mcp_handoff.postgres.listener import Listener
from mcp_handoff.postgres.opening import CONNECT_TIMEOUT_SECONDS, Address, prepare
from mcp_handoff.postgres.pool import Pool
from mcp_handoff.postgres.transaction import Connection, transact
from mcp_handoff.store.transaction import Clock, Transaction

ResultT = TypeVar("ResultT")

CONNECTIONS = 8
"""The most that one process keeps open, beside the one that listens and the one that announces; one
of them is for what may not wait for the others."""

TURNS = 10
"""How often a transaction is run that others got in the way of."""

READY_SECONDS = 2.0
"""How long a connection is tried for to tell whether there is one: less than those who ask wait,
so that they hear why there is none."""

CLOSE_SECONDS = 2.0
"""How long calls may go on that nobody waits for any more, once the database is closed."""

_SILENT = (
    f"The database did not respond within {CALL_SECONDS:.0f} seconds; try again."
    " Nothing was changed."
)

_READ_ONLY = "The store was opened for reading only; nothing was changed."

_CONFLICTS = (
    *(errors.SerializationFailure, errors.DeadlockDetected),
    *(errors.UniqueViolation, errors.ForeignKeyViolation),
)
"""A unique value that another transaction took first, or a row that one deletes while another
begins to refer to it: the next turn finds what the other did."""

logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what calls recover from


class PostgresDatabase:
    """A `Database` that any number of processes on any number of machines share: what time it is,
    the database says, unless there is a `clock`."""

    def __init__(
        self,
        address: Address,
        pool: Pool,
        clock: Clock | None,
        *,
        read_only: bool,
    ) -> None:
        self._address = address
        self._pool = pool
        self._clock = clock
        self._read_only = read_only
        self._limiter = anyio.CapacityLimiter(CONNECTIONS - 1)
        self._reserved = anyio.CapacityLimiter(1)
        self._listeners = anyio.CapacityLimiter(1)  # on the listener's event loop
        self._calls = set[Call]()
        self._feed = ChangeFeed()
        self._listener = Listener(address, self._read_for_listener, self._feed)
        self._announcer = Announcer(address)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        read_only: bool = False,
        migrates: bool = True,
        clock: Clock | None = None,
    ) -> "PostgresDatabase":
        """Connect, and make the schema when it is missing or migrate it when it is old, unless that
        is left to others (`migrates`).

        Raises Misconfigured when the database can't be used: no such URL, user, password or
        database, no TLS as asked for, another program's tables, a newer program's schema, an old
        one; BackendUnavailable where that may pass; NotFound where others are to make the schema.
        """
        address = prepare(url, read_only=read_only, migrates=migrates)
        pool = Pool(address, CONNECTIONS)
        return cls(address, pool, clock, read_only=read_only)

    async def write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        if self._read_only:
            raise BackendUnavailable(_READ_ONLY)
        return await self._call(operation, self._limiter, writing=True)

    async def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._call(operation, self._limiter, writing=False)

    async def read_at_length(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._call(
            _without_timeout(operation), self._limiter, writing=False, at_length=True
        )

    async def write_at_length(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        if self._read_only:
            raise BackendUnavailable(_READ_ONLY)
        return await self._call(
            _without_timeout(operation), self._limiter, writing=True, at_length=True
        )

    async def read_apart(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._call(operation, self._reserved, writing=False)

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Change]]:
        async with self._feed.subscribe() as changes:
            await anyio.to_thread.run_sync(self._listener.start)
            yield changes

    async def erase_deleted(self) -> bool:
        return False  # VACUUM does, which is its owner's to run (docs/redaction.md)

    async def check_ready(self) -> None:
        await self._call(
            lambda tx: tx.fetch_one("SELECT 1 AS one"),
            self._limiter,
            writing=False,
            connect_seconds=READY_SECONDS,
        )

    async def close(self) -> None:
        await anyio.to_thread.run_sync(self._listener.stop)
        await anyio.to_thread.run_sync(self._end_calls)
        await anyio.to_thread.run_sync(self._announcer.stop, CLOSE_SECONDS)
        await anyio.to_thread.run_sync(self._pool.close)

    async def _read_for_listener(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._call(operation, self._listeners, writing=False)

    async def _call(
        self,
        operation: Callable[[Transaction], ResultT],
        limiter: anyio.CapacityLimiter,
        *,
        writing: bool,
        connect_seconds: float = CONNECT_TIMEOUT_SECONDS,
        at_length: bool = False,
    ) -> ResultT:
        """Run an operation in a thread, unless it is `at_length` for CALL_SECONDS at most, and
        those that it waits for one.

        Whoever is cancelled need not wait for a server that keeps silent: the thread goes on alone.
        """
        call = Call()
        loop = asyncio.get_running_loop()
        deadline = None if at_length else loop.call_later(CALL_SECONDS, call.cut)
        try:
            run = partial(self._run, call, operation, connect_seconds, writing=writing)
            return await anyio.to_thread.run_sync(run, abandon_on_cancel=True, limiter=limiter)
        finally:
            if deadline is not None and call.ended.is_set():
                deadline.cancel()

    def _run(
        self,
        call: Call,
        operation: Callable[[Transaction], ResultT],
        connect_seconds: float,
        *,
        writing: bool,
    ) -> ResultT:
        """Run an operation in a transaction, again where others or the network got in its way."""
        until, turn = time.monotonic() + connect_seconds, 1
        self._calls.add(call)
        try:
            while not call.is_cut:
                left = until - time.monotonic()
                try:
                    result = self._transact(call, operation, max(left, 0.001), writing=writing)
                except psycopg.Error as error:
                    again = turn < TURNS if isinstance(error, _CONFLICTS) else is_lost(error, left)
                    if not again and not call.is_cut:
                        raise failure(error, writing=writing) from error
                else:
                    if writing:
                        self._listener.wake()
                        self._announcer.wake()
                    return result
                time.sleep(random.uniform(0, 0.002 * 2 ** min(turn, 7)))  # noqa: S311 - no secret
                turn += 1
            raise BackendUnavailable(_SILENT)
        finally:
            call.ended.set()
            self._calls.discard(call)

    def _transact(
        self,
        call: Call,
        operation: Callable[[Transaction], ResultT],
        timeout: float,
        *,
        writing: bool,
    ) -> ResultT:
        path = self._address.search_path
        with self._connection(call, timeout) as connection:
            try:
                return transact(
                    connection, operation, self._clock, writing=writing, search_path=path
                )
            except errors.InsufficientPrivilege as denied:
                if grant := missing_grant(connection, denied, path, writing=writing):
                    raise unavailable(denied, grant) from denied
                raise

    @contextmanager
    def _connection(self, call: Call, timeout: float) -> Generator[Connection]:
        """Take a connection for a call; what undoes its work at the end can be cut as well."""
        connection = self._pool.getconn(timeout)
        try:
            with call.waits_on(connection), connection:
                yield connection
        finally:
            self._pool.putconn(connection)

    def _end_calls(self) -> None:
        """Wait for the calls that nobody waits for any more, and then cut them."""
        until = time.monotonic() + CLOSE_SECONDS
        for call in [*self._calls]:
            if not call.ended.wait(max(until - time.monotonic(), 0)):
                call.cut()


def _without_timeout(
    operation: Callable[[Transaction], ResultT],
) -> Callable[[Transaction], ResultT]:
    """Return an operation whose statements take as long as they take."""

    def run(tx: Transaction) -> ResultT:
        tx.execute("SELECT set_config('statement_timeout', '0', true)")
        return operation(tx)

    return run
