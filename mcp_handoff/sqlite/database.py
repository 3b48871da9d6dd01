"""SQLite: one writing thread with group commit, reading connections apart.

Every write that waits is taken into one transaction, each in a SAVEPOINT of its own, and nobody is
answered before the COMMIT has reached the disk (synchronous=FULL, https://sqlite.org/wal.html).
"""

import asyncio
import logging
import queue
import re
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import anyio.to_thread
import apsw

from mcp_handoff.changes import Followers
from mcp_handoff.errors import BackendUnavailable, Misconfigured, OutcomeUnknown
from mcp_handoff.events import Change
from mcp_handoff.store.transaction import Row, TextSearch, Transaction
from mcp_handoff.text import visible

ResultT = TypeVar("ResultT")
Clock = Callable[[], datetime]

APPLICATION_ID = 0x48414E44
"""Marks a file as ours (https://sqlite.org/pragma.html#pragma_application_id): "HAND"."""

BUSY_SECONDS = 30
READERS = 4
BATCH = 256
"""The most writes that one commit takes."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_WORD = re.compile(r"\w+\*?")

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteTransaction:
    """A `Transaction` on one connection."""

    search = TextSearch(
        source="ticket_words CROSS JOIN tickets t ON t.seq = ticket_words.rowid",
        condition="ticket_words MATCH replace(:project_id, '-', '') || ' AND (' || :match || ')'",
        order="ticket_words.rowid DESC",
    )

    def __init__(self, connection: apsw.Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self.announced: list[Change] = []

    @property
    def now(self) -> datetime:
        return self._now

    def run(self, sql: str, **values: Any) -> None:
        _execute(self._connection, sql, values)

    def one(self, sql: str, **values: Any) -> Row | None:
        rows = self.all(sql, **values)
        return rows[0] if rows else None

    def all(self, sql: str, **values: Any) -> list[Row]:
        cursor = _execute(self._connection, sql, values)
        rows: list[Row] = []
        names: list[str] = []
        for row in cursor:
            names = names or [column[0] for column in cursor.get_description()]
            rows.append(dict(zip(names, row, strict=True)))
        return rows

    def hold(self, table: str, row_id: str) -> None:
        """A transaction that writes is alone from its BEGIN IMMEDIATE on."""

    def match(self, words: str) -> str:
        return " ".join(_quoted(word) for word in _WORD.findall(words)) or '""'

    def announce(self, change: Change) -> None:
        self.announced.append(change)


class SqliteDatabase:
    """A `Database` in one file, shared by any number of processes on one machine."""

    def __init__(
        self,
        path: Path,
        writer: "_Writer | None",
        readers: Iterable[apsw.Connection],
        clock: Clock,
        followers: Followers,
    ) -> None:
        self._path = path
        self._writer = writer
        self._followers = followers
        self._readers = deque(readers)
        self._reading = anyio.CapacityLimiter(READERS)
        self._clock = clock

    @classmethod
    def open(
        cls, path: Path, *, read_only: bool = False, clock: Clock = utc_now
    ) -> "SqliteDatabase":
        """Open the file, make it when it is new and migrate it when it is old.

        Raises Misconfigured when it can't be used: no directory, no permission, another program's
        file, a newer program's.
        """
        try:
            _check_path(path, read_only=read_only)
            followers = Followers()
            if read_only:
                return cls(path, None, [_current_reader(path)], clock, followers)
            writer = _Writer(_prepared(path), clock, followers)
            return cls(path, writer, [], clock, followers)
        except (apsw.Error, OSError, ValueError) as error:
            raise _unusable(path, error, read_only=read_only) from None

    async def write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        if self._writer is None:
            raise BackendUnavailable("The store was opened for reading only; nothing was changed.")
        return await asyncio.wrap_future(self._writer.submit(operation))

    async def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await anyio.to_thread.run_sync(self._read, operation, limiter=self._reading)

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        return self._followers.following()

    async def close(self) -> None:
        # The writer goes last, for whoever goes last folds the log into the file.
        while self._readers:
            self._readers.pop().close()
        if self._writer is not None:
            await anyio.to_thread.run_sync(self._writer.stop)

    def _read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        try:
            with self._snapshot() as transaction:
                return operation(transaction)
        except apsw.Error as error:
            raise _failure(error) from error

    @contextmanager
    def _snapshot(self) -> Generator[SqliteTransaction]:
        connection = self._take_reader()
        try:
            _execute(connection, "BEGIN")
            yield SqliteTransaction(connection, self._clock())
        finally:
            _roll_back(connection)
            self._readers.append(connection)

    def _take_reader(self) -> apsw.Connection:
        with suppress(IndexError):
            return self._readers.pop()
        return _connect(self._path, apsw.SQLITE_OPEN_READONLY)


@dataclass(frozen=True, slots=True)
class _Write(Generic[ResultT]):
    """One operation that waits."""

    operation: Callable[[Transaction], ResultT]
    future: "Future[ResultT]" = field(default_factory=lambda: Future[ResultT]())

    def attempt(
        self, connection: apsw.Connection, now: datetime, followers: Followers
    ) -> Callable[[], None]:
        """Run the operation and return what answers it, and announces it, once it is durable.

        A failure of its own undoes itself alone; the disk's, which is everyone's, is raised.
        """
        _execute(connection, "SAVEPOINT one")
        transaction = SqliteTransaction(connection, now)
        try:
            result = self.operation(transaction)
        except Exception as error:
            if isinstance(error, apsw.Error) and (_reason(error) or not connection.in_transaction):
                raise
            _execute(connection, "ROLLBACK TO one; RELEASE one")
            return partial(self.future.set_exception, error)
        _execute(connection, "RELEASE one")

        def answer() -> None:
            self.future.set_result(result)
            followers.tell(transaction.announced)

        return answer


class _Writer:
    """The one thread of this process that writes."""

    def __init__(self, connection: apsw.Connection, clock: Clock, followers: Followers) -> None:
        self._connection = connection
        self._clock = clock
        self._followers = followers
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
        connection, committing = self._connection, False
        try:
            _execute(connection, "BEGIN IMMEDIATE")
            now, followers = self._clock(), self._followers
            answers = [write.attempt(connection, now, followers) for write in writes]
            committing = True
            _execute(connection, "COMMIT")
        except apsw.Error as error:
            _roll_back(connection)
            failure = _failure(error, committing=committing)
            answers = [partial(write.future.set_exception, failure) for write in writes]
        for answer in answers:
            answer()


def _connect(path: Path, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_handler(_wait_for_lock)
    _execute(connection, "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY")
    return connection


def _wait_for_lock(tries: int) -> bool:
    """Look again in a millisecond: SQLite's own waits grow to a hundred, so that whoever has
    waited longest waits on."""
    time.sleep(0.001)
    return tries < BUSY_SECONDS * 1000


def _prepared(path: Path) -> apsw.Connection:
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        _check_writable(connection)
        _execute(connection, "PRAGMA synchronous = FULL")
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: apsw.Connection, path: Path) -> None:
    """Bring the schema up to date; of two processes that start at once, one does it."""
    steps = _steps()
    done = _pragma(connection, "user_version")
    _check_schema(connection, path, done, known=len(steps))
    _use_wal(connection)
    if done == len(steps):
        return
    with _immediate(connection):
        done = _pragma(connection, "user_version")
        _check_schema(connection, path, done, known=len(steps))
        for step in steps[done:]:
            _execute(connection, step.read_text())
        _execute(connection, f"PRAGMA application_id = {APPLICATION_ID}")
        _execute(connection, f"PRAGMA user_version = {len(steps)}")


def _use_wal(connection: apsw.Connection) -> None:
    """Switch to WAL. SQLite does not wait for the lock that this takes, so we do."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            _execute(connection, "PRAGMA journal_mode = WAL")
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _check_writable(connection: apsw.Connection) -> None:
    if connection.readonly("main"):
        raise apsw.ReadOnlyError


def _roll_back(connection: apsw.Connection) -> None:
    if not connection.in_transaction:
        return
    try:
        _execute(connection, "ROLLBACK")
    except apsw.Error:
        logger.exception("a transaction could not be rolled back")


def _immediate(connection: apsw.Connection) -> apsw.Connection:
    connection.transaction_mode = "IMMEDIATE"
    return connection


def _check_schema(connection: apsw.Connection, path: Path, done: int, *, known: int) -> None:
    empty = _execute(connection, "SELECT count(*) FROM sqlite_schema").get == 0
    if not empty and not _is_ours(connection):
        raise Misconfigured(f"{path} is another program's database; name a file of our own.")
    if done > known:
        raise Misconfigured(
            f"{path} was written by a newer mcp-handoff (schema {done}, this one knows {known});"
            " update mcp-handoff."
        )


def _current_reader(path: Path) -> apsw.Connection:
    connection = _connect(path, apsw.SQLITE_OPEN_READONLY)
    done, known = _pragma(connection, "user_version"), len(_steps())
    _check_schema(connection, path, done, known=known)
    if done < known:
        raise Misconfigured(f"{path} is from an older mcp-handoff; open it once for writing.")
    return connection


def _steps() -> list[Path]:
    return sorted(_MIGRATIONS.glob("*.sql"))


def _is_ours(connection: apsw.Connection) -> bool:
    return _pragma(connection, "application_id") == APPLICATION_ID


def _pragma(connection: apsw.Connection, name: str) -> int:
    return _execute(connection, f"PRAGMA {name}").get


def _check_path(path: Path, *, read_only: bool) -> None:
    if path.is_dir():
        raise Misconfigured(f"{path} is a directory; HANDOFF_BACKEND must name a file.")
    if not path.parent.is_dir():
        raise Misconfigured(f"{path.parent} does not exist; create it, or name another file.")
    if read_only and not path.exists():
        raise Misconfigured(f"{path} does not exist, and a read-only server does not make it.")


def _unusable(path: Path, error: Exception, *, read_only: bool) -> Misconfigured:
    logger.debug("opening the store failed", exc_info=error)
    reason = _reason(error) or "it could not be opened"
    if read_only and isinstance(error, apsw.ReadOnlyError):
        reason = "SQLite must write in its directory to read it while no server has it open"
    return Misconfigured(f"{visible(str(path))} can't be used: {reason}.")


def _failure(error: apsw.Error, *, committing: bool = False) -> Exception:
    """Return what a caller is told; an error that is no fault of the disk is a defect of ours.

    When the disk fails in the middle of a COMMIT, its last frame may be on it or not.
    """
    reason = _reason(error)
    if reason is None:
        return error
    logger.error("the store failed", exc_info=error)
    if committing and isinstance(error, apsw.IOError):
        return OutcomeUnknown(f"The store failed while committing: {reason}. Look before a retry.")
    return BackendUnavailable(f"The store could not do it: {reason}. Nothing was changed.")


def _reason(error: Exception) -> str | None:
    return next((why for kind, why in _REASONS.items() if isinstance(error, kind)), None)


_REASONS: Mapping[type[Exception], str] = {
    apsw.NotADBError: "it is not a SQLite database",
    apsw.CorruptError: "it is damaged; restore it from a copy",
    apsw.ReadOnlyError: "it can't be written; set HANDOFF_READ_ONLY=1 to only read it",
    apsw.CantOpenError: "permission was denied, or its directory is gone",
    apsw.PermissionsError: "permission was denied",
    apsw.FullError: "its disk is full; free some space",
    apsw.BusyError: f"other processes kept it locked for {BUSY_SECONDS} seconds; try again",
    apsw.IOError: "its disk failed or is full",
    apsw.NoMemError: "there is no memory left",
    PermissionError: "permission was denied",
    OSError: "no file can have this name",
    ValueError: "no file can have this name",
}


def _execute(
    connection: apsw.Connection, sql: str, values: Mapping[str, Any] | None = None
) -> apsw.Cursor:
    return connection.execute(sql, values)  # pyright: ignore[reportUnknownMemberType] - its stub names a type that Python 3.11 has not


def _quoted(word: str) -> str:
    return f'"{word[:-1]}"*' if word.endswith("*") else f'"{word}"'
