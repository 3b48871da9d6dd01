"""Copies of a store's file: each whole, checked, and a single file."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import apsw

from mcp_handoff.errors import AlreadyExists, BackendUnavailable, ValidationFailed
from mcp_handoff.progress import Progress, untold
from mcp_handoff.sqlite.failures import reason_of
from mcp_handoff.sqlite.locks import LockWait
from mcp_handoff.sqlite.schema import version_of
from mcp_handoff.sqlite.transaction import execute
from mcp_handoff.whole_files import require_file, shown, whole_file

_PAGES = 1_000
"""How many pages are copied between two looks at what else is to be done."""

_STEPS = 100_000
"""How many steps of SQLite's machine lie between two of them while a copy is checked."""


def back_up(source: Path, target: Path, progress: Progress = untold) -> None:
    """Copy a store of any version into a new file of its owner's alone, as it is at one moment,
    while others go on writing in it. The copy has its name once it is checked and on the disk.

    Raises NotFound without a source or the target's directory, AlreadyExists where there is a
    target, ValidationFailed for a source that is damaged, Misconfigured for one that is another or
    a newer program's, and BackendUnavailable where the disk fails.
    """
    require_file(source)
    if not source.stat().st_size:
        raise _damaged(source, "it is empty")
    try:
        with whole_file(target) as copy:
            with _opened(source) as original:
                _copy(original, source, copy, progress)
            with _opened(copy) as copied:
                execute(copied, "PRAGMA journal_mode = DELETE")  # without a log beside it
                _check(copied, source, progress)
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise _damaged(source, reason_of(error) or "it is damaged") from error
    except (apsw.Error, OSError) as error:
        reason = reason_of(error) or "it could not be written"
        raise BackendUnavailable(
            f"{shown(source)} can't be copied to {shown(target)}: {reason}. Nothing was kept."
        ) from error


def restore(backup: Path, store: Path, progress: Progress = untold) -> None:
    """Copy a backup to where a store belongs and none is.

    Raises AlreadyExists where there is one, or what one left behind, and else what `back_up` does.
    """
    for left in (Path(f"{store}{end}") for end in ("-wal", "-shm", "-journal")):
        if os.path.lexists(left) and not os.path.lexists(store):
            raise AlreadyExists(
                f"{shown(left)} was left there by another store, and would be taken for a part of"
                " this one; move it away."
            )
    back_up(backup, store, progress)


def _copy(original: apsw.Connection, source: Path, copy: Path, progress: Progress) -> None:
    execute(original, "BEGIN")
    version_of(original, source)  # reading, so that it stays as it now is
    with _opened(copy) as target:
        # It is of no use before it is whole, and on the disk before it has its name.
        execute(target, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        with target.backup("main", original, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
                progress("Copying", backup.page_count - backup.remaining, backup.page_count)


def _check(copied: apsw.Connection, source: Path, progress: Progress) -> None:
    """Raise ValidationFailed when a copy is not whole."""

    def go_on() -> bool:
        progress("Checking", 0)
        return False

    go_on()
    copied.set_progress_handler(go_on, _STEPS)
    if (found := execute(copied, "PRAGMA integrity_check(1)").get) != "ok":
        raise _damaged(source, str(found))
    if execute(copied, "SELECT count(*) FROM pragma_foreign_key_check").get:
        raise _damaged(source, "rows that others refer to are missing")


@contextmanager
def _opened(path: Path) -> Generator[apsw.Connection]:
    # For writing as far as that is allowed: who only reads leaves a log behind at the end.
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_handler(LockWait(Event()))
        yield connection
    finally:
        connection.close()


def _damaged(source: Path, why: str) -> ValidationFailed:
    return ValidationFailed(f"{shown(source)} holds no whole store: {why}. Nothing was kept.")
