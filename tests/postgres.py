"""A PostgreSQL server for the tests: the one that is named, else one that they share."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Composed, Identifier

from tests.clusters import SECONDS, binaries
from tests.mcp.wire import bounded

GIVEN = os.environ.get("HANDOFF_TEST_POSTGRES")
"""A URL whose user may create schemas; read before a fixture hides the developer's settings."""


KEPT_SECONDS = 1800
"""How long the tests of other processes may take once those of the first are over."""


class Server:
    """Where every test gets a schema of its own, which is a store of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def schema(self) -> Generator[str]:
        """Make an empty schema; yield the URL by which everything lands in it."""
        name = f"handoff_{uuid4().hex}"
        self._execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
        try:
            yield f"{self._url}{'&' if '?' in self._url else '?'}options=-csearch_path%3D{name}"
        finally:
            self._execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(name)))

    def _execute(self, sql: Composed) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql)


@contextmanager
def shared_server(directory: Path, config: pytest.Config) -> Generator[Server]:
    """Use the server of all test processes that share a directory.

    Whoever starts it waits for its end, which is that of the last of them, once all its own tests
    are over: in the time of none of them.
    """
    with _shared_url(directory, config) as url:
        yield Server(url)


def require_binaries() -> None:
    """Skip a test where PostgreSQL is not installed; in CI that is a failure."""
    if binaries() is None:
        told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        told("PostgreSQL is not installed; install it, or name one in HANDOFF_TEST_POSTGRES")


@contextmanager
def _shared_url(directory: Path, config: pytest.Config) -> Generator[str]:
    if GIVEN:
        yield GIVEN
        return
    require_binaries()
    users, starting, url = (directory / name for name in ("users", "starting", "url"))
    with users.open("a") as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        with starting.open("a") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            if not url.exists():
                keeper = _start_keeper(users)
                config.add_cleanup(partial(_await_the_end, keeper))
                url.write_text(_told(keeper))
        yield url.read_text()


def _start_keeper(users: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cluster_process", str(users)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _await_the_end(keeper: subprocess.Popen[str]) -> None:
    keeper.communicate(timeout=KEPT_SECONDS)


def _told(keeper: subprocess.Popen[str]) -> str:
    assert keeper.stdout is not None
    with bounded(keeper, 3 * SECONDS):
        url = keeper.stdout.readline().strip()
    assert url, f"no cluster could be started within {SECONDS} seconds"
    return url
