"""SQLite: one writing thread with group commit, reading connections apart.

Every write that waits is taken into one transaction, each in a SAVEPOINT of its own, and nobody is
answered before the COMMIT has reached the disk (synchronous=FULL, https://sqlite.org/wal.html).
"""

import asyncio
import logging
import queue
import re
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import anyio.to_thread
import apsw

from mcp_handoff.backends.store.transaction import Row, TextSearch, Transaction
from mcp_handoff.errors import BackendUnavailable, Misconfigured

ResultT = TypeVar("ResultT")
Clock = Callable[[], datetime]

APPLICATION_ID = 0x48414E44
"""Marks a file as ours (https://sqlite.org/pragma.html#pragma_application_id): "HAND"."""

BUSY_SECONDS = 30
READERS = 4
BATCH = 256
"""The most writes that one commit takes."""

_MIGRATIONS = Path(__file__).parent / "migrations" / "sqlite"
_WORD = re.compile(r"\w+\*?")

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteTransaction:
    """A `Transaction` on one connection."""

    search = TextSearch(
        source="ticket_words CROSS JOIN tickets t ON t.seq = ticket_words.rowid",
        condition="ticket_words MATCH :match",
        order="ticket_words.rowid DESC",
    )

    def __init__(self, connection: apsw.Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    @property
    def now(self) -> datetime:
        return self._now

    def run(self, sql: str, **values: Any) -> int:
        self._connection.execute(sql, values)
        return self._connection.changes()

    def one(self, sql: str, **values: Any) -> Row | None:
        rows = self.all(sql, **values)
        return rows[0] if rows else None

    def all(self, sql: str, **values: Any) -> list[Row]:
        cursor = self._connection.execute(sql, values)
        rows: list[Row] = []
        names: list[str] = []
        for row in cursor:
            names = names or [column[0] for column in cursor.get_description()]
            rows.append(dict(zip(names, row, strict=True)))
        return rows

    def match(self, words: str) -> str:
        return " ".join(_quoted(word) for word in _WORD.findall(words)) or '""'


class SqliteDatabase:
    """A `Database` in one file, shared by any number of processes on one machine."""

    def __init__(self, path: Path, *, read_only: bool = False, clock: Clock = utc_now) -> None:
        self._path = path
        self._read_only = read_only
        self._clock = clock
        self._readers: deque[apsw.Connection] = deque()
        self._reading = anyio.CapacityLimiter(READERS)
        self._writer = None if read_only else _Writer(_prepared(path), clock)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, clock: Clock = utc_now) -> "SqliteDatabase":
        """Open the file, make it when it is new and migrate it when it is old.

        Raises Misconfigured when it can't be used: no directory, no permission, another program's
        file, a newer program's.
        """
        _check_path(path, read_only=read_only)
        try:
            database = cls(path, read_only=read_only, clock=clock)
            database._readers.append(database._new_reader())
        except apsw.Error as error:
            raise _unusable(path, error) from None
        return database

    async def write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        if self._writer is None:
            raise BackendUnavailable("The store was opened for reading only; nothing was changed.")
        return await asyncio.wrap_future(self._writer.submit(operation))

    async def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await anyio.to_thread.run_sync(self._read, operation, limiter=self._reading)

    async def close(self) -> None:
        if self._writer is not None:
            await anyio.to_thread.run_sync(self._writer.stop)
        while self._readers:
            self._readers.pop().close()

    def _read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        connection: apsw.Connection | None = None
        try:
            connection = self._take_reader()
            with connection:
                return operation(SqliteTransaction(connection, self._clock()))
        except apsw.Error as error:
            raise _unavailable(error) from error
        finally:
            if connection is not None:
                self._readers.append(connection)

    def _take_reader(self) -> apsw.Connection:
        with suppress(IndexError):
            return self._readers.pop()
        return self._new_reader()

    def _new_reader(self) -> apsw.Connection:
        return _connect(self._path, apsw.SQLITE_OPEN_READONLY)


@dataclass(slots=True)
class _Write(Generic[ResultT]):
    """One operation that waits, and what became of it."""

    operation: Callable[[Transaction], ResultT]
    future: "Future[ResultT]" = field(default_factory=lambda: Future[ResultT]())
    result: ResultT | None = None
    error: Exception | None = None

    def attempt(self, connection: apsw.Connection, now: datetime) -> None:
        """Run the operation; its own failure undoes itself alone, the database's is raised."""
        connection.execute("SAVEPOINT one")
        try:
            self.result = self.operation(SqliteTransaction(connection, now))
        except apsw.Error:
            raise
        except Exception as error:
            self.error = error
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")

    def settle(self) -> None:
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # pyright: ignore[reportArgumentType] - no error, so it has one


class _Writer:
    """The one thread of this process that writes."""

    def __init__(self, connection: apsw.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._waiting: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Callable[[Transaction], ResultT]) -> "Future[ResultT]":
        write = _Write(operation)
        self._waiting.put(write)
        return write.future

    def stop(self) -> None:
        """Finish what waits, then close the connection."""
        self._waiting.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = self._gather(first)
            self._commit([write for write in batch if write.future.set_running_or_notify_cancel()])
            if last:
                return

    def _gather(self, first: _Write[Any]) -> tuple[list[_Write[Any]], bool]:
        batch = [first]
        while len(batch) < BATCH:
            try:
                write = self._waiting.get_nowait()
            except queue.Empty:
                return batch, False
            if write is None:
                return batch, True
            batch.append(write)
        return batch, False

    def _commit(self, writes: list[_Write[Any]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for write in writes:
                write.attempt(self._connection, self._clock())
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            self._undo()
            for write in writes:
                write.future.set_exception(_unavailable(error))
        else:
            for write in writes:
                write.settle()

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _connect(path: Path, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(BUSY_SECONDS * 1000)
    connection.execute("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY")
    return connection


def _prepared(path: Path) -> apsw.Connection:
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: apsw.Connection, path: Path) -> None:
    """Bring the schema up to date; of two processes that start at once, one does it."""
    steps = sorted(_MIGRATIONS.glob("*.sql"))
    if _pragma(connection, "user_version") == len(steps) and _is_ours(connection):
        return
    connection.execute("PRAGMA journal_mode = WAL")
    with _immediate(connection):
        done = _pragma(connection, "user_version")
        _check_schema(connection, path, done, known=len(steps))
        for step in steps[done:]:
            connection.execute(step.read_text())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


def _immediate(connection: apsw.Connection) -> apsw.Connection:
    connection.transaction_mode = "IMMEDIATE"
    return connection


def _check_schema(connection: apsw.Connection, path: Path, done: int, *, known: int) -> None:
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    if not empty and not _is_ours(connection):
        raise Misconfigured(f"{path} is another program's database; name a file of our own.")
    if done > known:
        raise Misconfigured(
            f"{path} was written by a newer mcp-handoff (schema {done}, this one knows {known});"
            " update mcp-handoff."
        )


def _is_ours(connection: apsw.Connection) -> bool:
    return _pragma(connection, "application_id") == APPLICATION_ID


def _pragma(connection: apsw.Connection, name: str) -> int:
    return connection.execute(f"PRAGMA {name}").get


def _check_path(path: Path, *, read_only: bool) -> None:
    if path.is_dir():
        raise Misconfigured(f"{path} is a directory; HANDOFF_BACKEND must name a file.")
    if not path.parent.is_dir():
        raise Misconfigured(f"{path.parent} does not exist; create it, or name another file.")
    if read_only and not path.exists():
        raise Misconfigured(f"{path} does not exist, and a read-only server does not make it.")


def _unusable(path: Path, error: apsw.Error) -> Misconfigured:
    reasons: dict[type[apsw.Error], str] = {
        apsw.NotADBError: "is not a SQLite database",
        apsw.CorruptError: "is damaged; restore it from a copy",
        apsw.ReadOnlyError: "can't be written; set HANDOFF_READ_ONLY=1 to only read it",
        apsw.PermissionsError: "can't be opened: permission denied",
        apsw.CantOpenError: "can't be opened; look at its permissions and its directory's",
        apsw.FullError: "can't be written: the disk is full",
        apsw.BusyError: f"stayed locked by another process for {BUSY_SECONDS} seconds",
    }
    reason = next((why for kind, why in reasons.items() if isinstance(error, kind)), None)
    logger.debug("opening the store failed", exc_info=error)
    return Misconfigured(f"{path} {reason or 'could not be opened: the disk failed'}.")


def _unavailable(error: apsw.Error) -> BackendUnavailable:
    reasons: dict[type[apsw.Error], str] = {
        apsw.FullError: "its disk is full; free some space",
        apsw.BusyError: f"other processes kept it locked for {BUSY_SECONDS} seconds; try again",
        apsw.ReadOnlyError: "its file can't be written",
        apsw.CorruptError: "its file is damaged; restore it from a copy",
        apsw.NotADBError: "its file is damaged; restore it from a copy",
    }
    reason = next((why for kind, why in reasons.items() if isinstance(error, kind)), None)
    logger.error("the store failed: %s", type(error).__name__, exc_info=error)
    return BackendUnavailable(
        f"The store could not do it: {reason or 'its disk failed'}. Nothing was changed."
    )


def _quoted(word: str) -> str:
    return f'"{word[:-1]}"*' if word.endswith("*") else f'"{word}"'
