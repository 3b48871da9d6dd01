"""Stores as older versions wrote them."""

from collections.abc import Sequence
from pathlib import Path

import apsw
import psycopg

from mcp_handoff import postgres, sqlite
from mcp_handoff.sqlite.schema import APPLICATION_ID
from mcp_handoff.sqlite.transaction import execute

HERE = Path(__file__).parent


def make_old(name: str, last: str) -> None:
    """Make a store of an older version, whose last step was this one, with something in it."""
    package = postgres.__file__ if name.startswith("postgresql://") else sqlite.__file__
    _write(name, steps(package, last), f"after_{last}")


def make_first(name: str) -> None:
    """Make a store as the first version left it."""
    is_file = not name.startswith("postgresql://")
    first = [(HERE / "first_version.sql").read_text()]
    _write(name, first if is_file else steps(postgres.__file__, "tokens"), "after_first_version")
    if is_file:
        file = apsw.Connection(name)
        execute(file, "PRAGMA journal_mode = WAL")
        file.close()


def steps(package: str | None, last: str) -> list[str]:
    """Return the migrations of a database up to the one of this name."""
    assert package is not None
    files = sorted((Path(package).parent / "migrations").glob("*.sql"))
    end = next(place for place, file in enumerate(files, 1) if file.stem.endswith(f"_{last}"))
    return [file.read_text() for file in files[:end]]


def _write(name: str, old: Sequence[str], rows: str) -> None:
    content = (HERE / f"{rows}.sql").read_text()
    if name.startswith("postgresql://"):
        with psycopg.connect(name) as connection:
            connection.execute("CREATE TABLE handoff_schema (version INTEGER NOT NULL)")
            for number, step in enumerate(old, start=1):
                connection.execute(step.encode())
                connection.execute("INSERT INTO handoff_schema VALUES (%s)", [number])
            connection.execute(content.encode())
        return
    file = apsw.Connection(name)
    for step in [*old, content]:
        execute(file, step)
    execute(file, f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {len(old)}")
    file.close()
