"""Ways to make a store fail under a running server, each of which can really occur."""

import os
import resource
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.http.served import Served


def garble(served: Served, table: str, column: str) -> None:
    """Make a column of JSON unreadable in every row."""
    _run(served.store, f"UPDATE {table} SET {column} = '{{'")


def overwrite(served: Served) -> None:
    """Write over the whole file, behind the server's back."""
    _run(served.store, "PRAGMA wal_checkpoint(TRUNCATE)")
    with served.store.open("r+b") as file:
        file.write(os.urandom(served.store.stat().st_size))


@contextmanager
def no_growth(served: Served) -> Generator[None]:
    """Let no file of the server grow: the disk fails when COMMIT adds to the log."""
    log, pid = served.store.with_name(f"{served.store.name}-wal"), served.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def _run(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(statement)
