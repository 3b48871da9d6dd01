"""What makes a file a store: its mark, and the steps that lead to the schema of this version."""

from pathlib import Path

import apsw

from mcp_handoff.errors import Misconfigured
from mcp_handoff.sqlite.transaction import execute
from mcp_handoff.store.migrations import require_served

APPLICATION_ID = 0x48414E44
"""Marks a file as ours (https://sqlite.org/pragma.html#pragma_application_id): "HAND"."""

STEPS = sorted((Path(__file__).parent / "migrations").glob("*.sql"))
"""The migrations, each of which makes the next version."""


def version_of(connection: apsw.Connection, path: Path) -> int:
    """Return the version of the schema that a file has, 0 where there is nothing yet.

    Raises Misconfigured for another program's file, and for a newer program's that does not serve
    this one.
    """
    version: int = execute(connection, "PRAGMA user_version").get
    empty = execute(connection, "SELECT count(*) FROM sqlite_schema").get == 0
    if not empty and execute(connection, "PRAGMA application_id").get != APPLICATION_ID:
        raise Misconfigured(f"{path} is another program's database; name a file of our own.")
    if version > len(STEPS):
        require_served(str(path), version, _serves_from(connection, version), len(STEPS))
    return version


def _serves_from(connection: apsw.Connection, version: int) -> int | None:
    """Return the oldest version whose programs can use a file of this version, None where nothing
    is written of that."""
    if not execute(connection, "SELECT count(*) FROM pragma_table_info('schema_versions')").get:
        return None
    asked = f"SELECT serves_from FROM schema_versions WHERE version = {version}"
    return execute(connection, asked).get
