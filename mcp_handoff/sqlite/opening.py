"""From a path to a file that can be used: its connections, its schema."""

import time
from pathlib import Path
from threading import Event

import apsw

from mcp_handoff.errors import Misconfigured
from mcp_handoff.sqlite.failures import unusable
from mcp_handoff.sqlite.files import OpenFiles, create_private, tell_of_others
from mcp_handoff.sqlite.locks import BUSY_SECONDS, LockWait
from mcp_handoff.sqlite.schema import APPLICATION_ID, STEPS, version_of
from mcp_handoff.sqlite.transaction import SqliteTransaction, execute
from mcp_handoff.store.ticket_terms import INDEXES_TERMS, index_all
from mcp_handoff.store.transaction import utc_now


def prepare(path: Path, *, read_only: bool) -> tuple[apsw.Connection, OpenFiles]:
    """Return a connection to the file, which is made when it is new and migrated when it is old.
    A new one is its owner's alone; others that may get at an old one are told of in the log.

    Raises Misconfigured when it can't be used: no directory, no permission, another program's
    file, a newer program's.
    """
    began = time.monotonic()
    try:
        if path.is_dir():
            raise Misconfigured(f"{path} is a directory; HANDOFF_BACKEND must name a file.")
        if not path.parent.is_dir():
            raise Misconfigured(f"{path.parent} does not exist; create it, or name another file.")
        if read_only and not path.exists():
            raise Misconfigured(f"{path} does not exist, and a read-only server does not make it.")
        if not read_only:
            create_private(path)
        connection = connect(path, read_only=read_only, wait=LockWait(Event(), lambda: began))
        try:
            if not read_only:
                _migrate(connection, path)
            elif version_of(connection, path) < len(STEPS):
                raise Misconfigured(
                    f"{path} is from an older mcp-handoff; open it once for writing."
                )
            files = OpenFiles(path, connection)
        except BaseException:
            connection.close()
            raise
    except (apsw.Error, OSError, ValueError) as error:
        raise unusable(path, error, read_only=read_only) from None
    tell_of_others(path)
    return connection, files


def connect(path: Path, *, read_only: bool, wait: LockWait) -> apsw.Connection:
    """Open a connection that waits for the locks of others."""
    writing = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    flags = apsw.SQLITE_OPEN_READONLY if read_only else writing
    connection = apsw.Connection(str(path), flags=flags)
    # Statistics would otherwise have a statement planned anew for each value that it is given.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_handler(wait)
    execute(connection, "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY")
    if not read_only:
        execute(connection, "PRAGMA synchronous = FULL")
    return connection


def _migrate(connection: apsw.Connection, path: Path) -> None:
    """Bring the schema up to date; of two processes that start at once, one does it."""
    if connection.readonly("main"):
        raise apsw.ReadOnlyError
    version = version_of(connection, path)
    _use_wal(connection)
    if version == len(STEPS):
        return
    connection.transaction_mode = "IMMEDIATE"
    with connection:
        for step in STEPS[version_of(connection, path) :]:
            execute(connection, step.read_text())
            if step.stem.endswith(INDEXES_TERMS):
                index_all(SqliteTransaction(connection, utc_now()))
        execute(connection, f"PRAGMA application_id = {APPLICATION_ID}")
        execute(connection, f"PRAGMA user_version = {len(STEPS)}")


def _use_wal(connection: apsw.Connection) -> None:
    """Switch to WAL. SQLite does not wait for the lock that this takes, so we do."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            execute(connection, "PRAGMA journal_mode = WAL")
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return
