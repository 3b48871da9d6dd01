"""A PostgreSQL server for the tests: the one that is named, else one that they share."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import anyio
import psycopg
import pytest
from psycopg.sql import SQL, Composed, Identifier

from mcp_handoff.backends.postgres.database import PostgresDatabase
from tests.clusters import SECONDS, binaries

GIVEN = os.environ.get("HANDOFF_TEST_POSTGRES")
"""A URL whose user may create databases; read before a fixture hides the developer's settings."""


class Server:
    """Where every test gets a database, copied from one that was migrated once."""

    def __init__(self, url: str) -> None:
        self._address, _, asked = url.partition("?")
        self._asked = f"?{asked}" if asked else ""
        self._template = self._create(SQL("CREATE DATABASE {}"))
        anyio.run(PostgresDatabase.open(self._at(self._template)).close)

    @contextmanager
    def database(self) -> Generator[str]:
        """Make a database with our schema; yield its URL."""
        name = self._create(SQL("CREATE DATABASE {} TEMPLATE {}"), Identifier(self._template))
        try:
            yield self._at(name)
        finally:
            self._drop(name)

    @contextmanager
    def empty_database(self) -> Generator[str]:
        name = self._create(SQL("CREATE DATABASE {}"))
        try:
            yield self._at(name)
        finally:
            self._drop(name)

    def close(self) -> None:
        self._drop(self._template)

    def _create(self, sql: SQL, *more: Identifier) -> str:
        name = f"handoff_{uuid4().hex}"
        self._execute(sql.format(Identifier(name), *more))
        return name

    def _drop(self, name: str) -> None:
        self._execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def _execute(self, sql: Composed) -> None:
        with psycopg.connect(f"{self._address}{self._asked}", autocommit=True) as connection:
            connection.execute(sql)

    def _at(self, database: str) -> str:
        return f"{self._address.rpartition('/')[0]}/{database}{self._asked}"


@contextmanager
def shared_server(directory: Path) -> Generator[Server]:
    """Use the server of all test processes that share a directory."""
    with _shared_url(directory) as url:
        server = Server(url)
        yield server
        server.close()


def require_binaries() -> None:
    """Skip a test where PostgreSQL is not installed; in CI that is a failure."""
    if binaries() is None:
        told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        told("PostgreSQL is not installed; install it, or name one in HANDOFF_TEST_POSTGRES")


@contextmanager
def _shared_url(directory: Path) -> Generator[str]:
    if GIVEN:
        yield GIVEN
        return
    require_binaries()
    users, starting, url = (directory / name for name in ("users", "starting", "url"))
    keeper = None
    with users.open("a") as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        with starting.open("a") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            if not url.exists():
                keeper = _start_keeper(users)
                url.write_text(_told(keeper))
        yield url.read_text()
    if keeper is not None:
        keeper.communicate(timeout=600)


def _start_keeper(users: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cluster_process", str(users)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _told(keeper: subprocess.Popen[str]) -> str:
    assert keeper.stdout is not None
    url = keeper.stdout.readline().strip()
    assert url, f"no cluster could be started within {SECONDS} seconds"
    return url
