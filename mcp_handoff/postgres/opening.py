"""From a URL to a database that can be used: its name, its connection, its schema."""

from collections.abc import Mapping, Sequence
from getpass import getuser
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from mcp_handoff.errors import Misconfigured
from mcp_handoff.postgres.failures import unusable
from mcp_handoff.postgres.transaction import Connection
from mcp_handoff.text import visible

PATIENCE_SECONDS = 5
"""How long a call waits for a database that does not answer."""

MIGRATION_LOCK = 0x48414E44

_MIGRATIONS = Path(__file__).parent / "migrations"

_DEFAULTS: Mapping[str, str] = {
    "connect_timeout": str(PATIENCE_SECONDS),
    "fallback_application_name": "mcp-handoff",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""What a URL may say otherwise: a server that is gone is noticed within half a minute."""


def prepare(url: str, *, read_only: bool) -> str:
    """Return what to connect with, once the schema was made or brought up to date.

    Raises Misconfigured when the database can't be used.
    """
    name, conninfo = described(url), _conninfo(url, read_only=read_only)
    try:
        with Connection.connect(conninfo, autocommit=True, row_factory=dict_row) as connection:
            _check(connection, name, read_only=read_only)
    except psycopg.Error as error:
        raise unusable(name, error) from None
    return conninfo


def described(url: str) -> str:
    """Return the host, port and database that a URL names, without user or password."""
    known = {option.keyword.decode(): option.val for option in pq.Conninfo.get_defaults()}
    given = {name: value and value.decode() for name, value in known.items()} | _parsed(url)
    user = given["user"] or getuser()
    host, port = given["host"] or "localhost", given["port"]
    return visible(f"postgresql://{host}:{port}/{given['dbname'] or user}")


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        raise Misconfigured(
            "HANDOFF_BACKEND is no address of a PostgreSQL database:"
            " postgresql://user:password@host:5432/database, with ?sslmode=verify-full and the like"
            " behind it where needed; percent-encode what is special in a password."
        ) from None


def _conninfo(url: str, *, read_only: bool) -> str:
    given = _parsed(url)
    asked = {**_DEFAULTS, **given, "client_encoding": "UTF8"}
    if read_only:
        asked["options"] = f"{given.get('options', '')} -c default_transaction_read_only=on"
    return make_conninfo("", **asked)


def _check(connection: Connection, name: str, *, read_only: bool) -> None:
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise Misconfigured(f"{name} does not hold UTF-8; create it WITH ENCODING 'UTF8'.")
    steps = sorted(_MIGRATIONS.glob("*.sql"))
    done = _version(connection, name, known=len(steps))
    if done < len(steps) and read_only:
        raise Misconfigured(f"{name} has no store of this version; open it once for writing.")
    if done < len(steps):
        _migrate(connection, name, steps)


def _migrate(connection: Connection, name: str, steps: Sequence[Path]) -> None:
    """Bring the schema up to date; of two processes that start at once, one does it."""
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        done = _version(connection, name, known=len(steps))
        connection.execute("CREATE TABLE IF NOT EXISTS handoff_schema (version INTEGER NOT NULL)")
        for version, step in enumerate(steps[done:], start=done + 1):
            connection.execute(step.read_bytes())
            connection.execute("INSERT INTO handoff_schema VALUES (%s)", [version])


def _version(connection: Connection, name: str, *, known: int) -> int:
    """Return the schema's version, 0 where there is nothing yet."""
    found = _one(connection, _STATE)
    if not found["ours"] and found["schema"] is None:
        raise Misconfigured(f"{name} has no schema in its search_path; create one.")
    if not found["ours"] and found["taken"]:
        raise Misconfigured(f"{name} holds another program's tables; name one of our own.")
    if not found["ours"]:
        return 0
    done: int = _one(connection, b"SELECT max(version) AS version FROM handoff_schema")["version"]
    if done > known:
        raise Misconfigured(
            f"{name} was written by a newer mcp-handoff (schema {done}, this one knows {known});"
            " update mcp-handoff."
        )
    return done


_STATE = b"""
    SELECT current_schema() AS schema, to_regclass('handoff_schema') IS NOT NULL AS ours, EXISTS (
        SELECT 1 FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
        AND NOT EXISTS (SELECT 1 FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ) AS taken
"""
"""What there is, in one look; the tables of an extension make no program's database."""


def _one(connection: Connection, query: bytes) -> dict[str, Any]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
