"""The files of a store: who may get at them, and whether they are still the ones that were opened.

SQLite goes on in files that were deleted or replaced, and takes what was copied over its file for
its own (https://sqlite.org/howtocorrupt.html).
"""

import logging
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from struct import unpack_from
from typing import NamedTuple

import apsw

from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.sqlite.transaction import execute, roll_back
from mcp_handoff.text.characters import visible

logger = logging.getLogger(__name__)

GLANCE_SECONDS = 1.0
"""How old the knowledge may be that a read goes by; a write always looks anew."""


class OpenFiles:
    """The database that a connection has open, its log (-wal) and the log's index (-shm).

    A process keeps a lock on the database as long as it is open, so that nobody who keeps to the
    rules deletes any of the three.
    """

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self._database = path
        # They lie beside the file itself, whatever link leads to it.
        self._beside = [Path(connection.filename + suffix) for suffix in ("-wal", "-shm")]
        self._opened = {file: _identity(file) for file in (path, *self._beside)}
        self._header = _header_of(connection)
        self._overwritten = False
        self._looked = time.monotonic()

    def check_names(self, *, age: float = 0.0) -> None:
        """Raise BackendUnavailable when a name no longer stands for the file that is open, as far
        as was known `age` seconds ago."""
        now = time.monotonic()
        if now - self._looked < age:
            return
        for file, opened in self._opened.items():
            if opened and _identity(file) != opened:
                raise BackendUnavailable(self._moved(file))
        self._looked = now

    def check_content(self, connection: apsw.Connection) -> None:
        """Raise BackendUnavailable when something else was copied over the database.

        To be asked in a transaction that writes. What only checkpoints have written never goes
        back, and is never ahead of what the log says. An older copy of the same size from the same
        schema can't be told from it.
        """
        header = _header_of(connection)
        if header != self._header and not self._is_plausible(header, connection):
            self._overwritten = True
        if self._overwritten:
            name = visible(self._database.name)
            raise BackendUnavailable(
                f"{name} was overwritten while this server had it open; nothing was changed. Stop"
                " every server that uses it, copy the right file there, and start again."
            )
        self._header = header

    def close(self, connection: apsw.Connection) -> None:
        """Close the last connection of this process.

        SQLite then writes the log into the database and deletes it by its name. It must do neither
        where the name is another's by now, or the database was overwritten; in that case the log is
        of no use to anyone and would damage the copy at the next start.
        """
        own = [file for file in self._beside if _identity(file) in (None, self._opened[file])]
        if len(own) < len(self._beside) or not self._is_whole(connection):
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close()
        if self._overwritten:
            for file in own:
                file.unlink(missing_ok=True)

    def _moved(self, file: Path) -> str:
        name, database = visible(file.name), visible(self._database.name)
        if file == self._database:
            return (
                f"{name} was deleted, moved or replaced while this server had it open; nothing was"
                " changed. Put the right file in its place and restart the server."
            )
        return (
            f"{name} was deleted or replaced while this server had it open; nothing was changed."
            f" Restart every server that uses {database}."
        )

    def _is_plausible(self, header: "_Header", connection: apsw.Connection) -> bool:
        """Tell whether checkpoints may have written this header over the one before."""
        before = self._header
        schema: int = execute(connection, "PRAGMA schema_version").get
        pages: int = execute(connection, "PRAGMA page_count").get
        vacuumed = header.schema > before.schema  # nothing else makes a database smaller
        return (
            before.changes <= header.changes
            and before.schema <= header.schema <= schema
            and (before.pages <= header.pages or vacuumed)
            and (header.pages <= pages or header.schema < schema)
        )

    def _is_whole(self, connection: apsw.Connection) -> bool:
        """Tell whether the log may be written into the database; the next start does it later."""
        try:
            execute(connection, "BEGIN IMMEDIATE")
            self.check_content(connection)
        except apsw.BusyError:
            return True  # while others have it open, nothing happens at our close
        except (apsw.Error, BackendUnavailable):
            return False
        finally:
            roll_back(connection)
        return True


def create_private(path: Path) -> None:
    """Make an empty database that is its owner's alone, unless there is one already. SQLite gives
    its log and index the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(path.resolve(), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def tell_of_others(path: Path) -> None:
    """Warn when everyone on this machine may get at a database, or others may put another in its
    place. It is left as it is: a group may share one on purpose."""
    file, directory = path.resolve().stat().st_mode, path.resolve().parent.stat().st_mode
    if file & stat.S_IRWXO:
        logger.warning("everyone on this machine may get at %s; chmod o= takes that back", path)
    if directory & (stat.S_IWGRP | stat.S_IWOTH) and not directory & stat.S_ISVTX:
        logger.warning(
            "others may put another file in the place of %s; chmod go-w its directory", path
        )


class _Header(NamedTuple):
    """What a database says of itself at its beginning
    (https://sqlite.org/fileformat2.html#the_database_header)."""

    changes: int
    pages: int
    schema: int


def _header_of(connection: apsw.Connection) -> _Header:
    """Read it from the disk, past the log and every cache."""
    try:
        _, page = connection.read("main", 0, 0, 100)
    except apsw.Error as error:
        raise apsw.IOError from error  # it gives no reason
    return _Header(*unpack_from(">II8xI", page, 24))


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from every other one, None where there is none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino
