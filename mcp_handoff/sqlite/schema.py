"""What makes a file a store: its mark, and the steps that lead to the schema of this version."""

from pathlib import Path

import apsw

from mcp_handoff.errors import Misconfigured
from mcp_handoff.sqlite.transaction import execute

APPLICATION_ID = 0x48414E44
"""Marks a file as ours (https://sqlite.org/pragma.html#pragma_application_id): "HAND"."""

STEPS = sorted((Path(__file__).parent / "migrations").glob("*.sql"))
"""The migrations, each of which makes the next version."""


def version_of(connection: apsw.Connection, path: Path) -> int:
    """Return the version of the schema that a file has, 0 where there is nothing yet.

    Raises Misconfigured for another program's file, and for a newer program's.
    """
    version: int = execute(connection, "PRAGMA user_version").get
    empty = execute(connection, "SELECT count(*) FROM sqlite_schema").get == 0
    if not empty and execute(connection, "PRAGMA application_id").get != APPLICATION_ID:
        raise Misconfigured(f"{path} is another program's database; name a file of our own.")
    if version > len(STEPS):
        raise Misconfigured(
            f"{path} was written by a newer mcp-handoff (schema {version}, this one knows"
            f" {len(STEPS)}); update mcp-handoff."
        )
    return version
