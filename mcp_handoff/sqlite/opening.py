"""From a path to a file that can be used: its connections, its schema."""

import os
import time
from functools import partial
from pathlib import Path
from threading import Event

import apsw

from mcp_handoff.errors import Misconfigured
from mcp_handoff.sqlite.failures import unusable
from mcp_handoff.sqlite.files import OpenFiles, create_private, tell_of_others
from mcp_handoff.sqlite.locks import LockWait
from mcp_handoff.sqlite.schema import STEPS, version_of
from mcp_handoff.sqlite.transaction import execute
from mcp_handoff.sqlite.upgrades import bring_up_to_date
from mcp_handoff.store.migrations import SchemaState, require_ready
from mcp_handoff.text.characters import visible


def prepare(
    path: Path, *, read_only: bool, migrates: bool = True
) -> tuple[apsw.Connection, OpenFiles]:
    """Return a connection to the file, which is made when it is new and migrated when it is old,
    unless both are left to others (`migrates`). A new one is its owner's alone; others that may get
    at an old one are told of in the log.

    Raises Misconfigured when it can't be used: no directory, no permission, another program's
    file, a newer program's, an old one; BackendUnavailable where it is locked or its disk fails;
    NotFound where there is none and others are to make it.
    What keeps a copy from being made of one that is to be migrated is raised as `back_up` does.
    """
    name = visible(str(path))
    require = partial(require_ready, name, len(STEPS), read_only=read_only, migrates=migrates)
    began = time.monotonic()
    try:
        if not path.exists():
            require(0)
        require_place(path)
        if not read_only:
            create_private(path)
        connection = connect(path, read_only=read_only, wait=LockWait(Event(), lambda: began))
        try:
            require(version_of(connection, path))
            if not read_only:
                bring_up_to_date(connection, path)
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


def state_of(path: Path) -> SchemaState:
    """Return the state of a file's schema, and leave the file as it is, there or not.

    Raises Misconfigured when it can't be used, BackendUnavailable where that may pass.
    """
    if not os.path.exists(path):
        _require_right_to_make(path)
        return SchemaState(0, len(STEPS))
    try:
        # For writing as far as that is allowed: who only reads leaves a log behind at the end.
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_handler(LockWait(Event()))
            mode = execute(connection, "PRAGMA journal_mode").get
            return SchemaState(version_of(connection, path), len(STEPS), mode)
        finally:
            connection.close()
    except apsw.Error as error:
        raise unusable(path, error, read_only=False) from None


def _require_right_to_make(path: Path) -> None:
    """Refuse where this user may make no file, or none of the directories that are missing
    (Misconfigured)."""
    there = next(folder for folder in path.absolute().parents if os.path.isdir(folder))
    if not os.access(there, os.W_OK | os.X_OK):
        raise Misconfigured(f"{path} can't be made: permission was denied for {there}.")


def require_place(path: Path) -> None:
    """Refuse where no file can be (Misconfigured)."""
    # Not path.is_dir(), which raises where a directory above can't be searched.
    if os.path.isdir(path):
        raise Misconfigured(f"{path} is a directory; HANDOFF_BACKEND must name a file.")
    if not os.path.isdir(path.parent):
        raise Misconfigured(f"{path.parent} does not exist; create it, or name another file.")
