"""From a file of an older version to one of this: never without a copy of what it was."""

import logging
import time
from glob import escape
from pathlib import Path

import apsw

from mcp_handoff.sqlite.locks import BUSY_SECONDS
from mcp_handoff.sqlite.schema import APPLICATION_ID, STEPS, version_of
from mcp_handoff.sqlite.transaction import SqliteTransaction, execute
from mcp_handoff.store.migrations import served_from
from mcp_handoff.store.ticket_terms import INDEXES_TERMS, index_all
from mcp_handoff.store.transaction import utc_now
from mcp_handoff.text.characters import visible

logger = logging.getLogger(__name__)

KEPT = 2
"""How many copies stay beside a file, those of the newest versions: each is as large as it was."""


def bring_up_to_date(connection: apsw.Connection, path: Path) -> None:
    """Make the schema of a new file, and bring that of an old one up to date once a copy of it lies
    beside; of two processes that start at once, one does it."""
    if connection.readonly("main"):
        raise apsw.ReadOnlyError
    version = version_of(connection, path)
    _use_wal(connection)
    if version >= len(STEPS):
        return
    connection.transaction_mode = "IMMEDIATE"
    with connection:
        version = version_of(connection, path)
        if 0 < version < len(STEPS):
            _copy_beside(path, version)
        _take_steps(connection, version)
    if version:
        _forget_old_copies(path)


def copies_beside(path: Path) -> list[Path]:
    """Return the copies that upgrades left beside a file, the oldest first."""
    begins = f"{path.name}.before-"
    ends = [file.name.removeprefix(begins) for file in path.parent.glob("*.before-*")]
    versions = sorted(filter(str.isdecimal, ends), key=int)
    return [path.with_name(f"{begins}{version}") for version in versions]


def _copy_beside(path: Path, version: int) -> None:
    """Copy a file of this version while nobody else writes; a copy of this name is from before the
    file was last brought back, and gives way, as do copies that were never finished."""
    from mcp_handoff.sqlite.backups import back_up  # here, for it takes long to load
    from mcp_handoff.whole_files import remove_unfinished

    copy = path.with_name(f"{path.name}.before-{len(STEPS)}")
    logger.warning(
        "%s is brought from schema %d to %d; a copy of it as it was is kept as %s",
        visible(str(path)),
        version,
        len(STEPS),
        visible(copy.name),
    )
    remove_unfinished(path.parent, f"{escape(path.name)}.before-*")
    copy.unlink(missing_ok=True)
    back_up(path, copy)


def _take_steps(connection: apsw.Connection, version: int) -> None:
    """Take the steps that lead on from a version, if there are any."""
    if version >= len(STEPS):
        return
    if execute(connection, _IS_OF_THE_FIRST_DAY).get:
        execute(connection, "ALTER TABLE tickets ADD COLUMN scope TEXT")
    for step in STEPS[version:]:
        execute(connection, step.read_text())
        if step.stem.endswith(INDEXES_TERMS):
            index_all(SqliteTransaction(connection, utc_now()))
    reached = f"({len(STEPS)}, {served_from(STEPS)})"
    execute(connection, f"INSERT INTO schema_versions (version, serves_from) VALUES {reached}")
    execute(connection, f"PRAGMA application_id = {APPLICATION_ID}")
    execute(connection, f"PRAGMA user_version = {len(STEPS)}")


_IS_OF_THE_FIRST_DAY = """
    SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'ticket_words')
        AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo('tickets') WHERE name = 'scope')
"""
"""Whether a file lacks the column that the step to version 8 drops, for the step to version 1 was
edited once it had been taken."""


def _forget_old_copies(path: Path) -> None:
    for copy in copies_beside(path)[:-KEPT]:
        copy.unlink(missing_ok=True)


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
