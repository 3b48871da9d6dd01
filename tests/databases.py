"""Databases by their name: the path of a file, or a URL."""

from pathlib import Path

from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.transaction import Clock, Database, utc_now

EVERY_DATABASE = ("store", "postgres")
"""The fixtures that name a fresh store, one for each database."""


def open_database(name: str, *, read_only: bool = False, clock: Clock = utc_now) -> Database:
    if name.startswith("postgresql://"):
        return PostgresDatabase.open(name, read_only=read_only, clock=clock)
    return SqliteDatabase.open(Path(name), read_only=read_only, clock=clock)
