"""From a URL to a database that can be used: its name, its connection, its schema."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from getpass import getuser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg import errors, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from mcp_handoff.errors import Misconfigured
from mcp_handoff.postgres.failures import unusable
from mcp_handoff.postgres.grants import missing_grant
from mcp_handoff.postgres.transaction import Connection, PostgresTransaction, set_search_path
from mcp_handoff.store.migrations import SchemaState, require_ready, require_served, served_from
from mcp_handoff.store.ticket_terms import INDEXES_TERMS, index_all
from mcp_handoff.store.transaction import utc_now

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 5
"""How long a call waits for a database that can't be reached."""

MIGRATION_LOCK = 0x48414E44

_STEPS = sorted((Path(__file__).parent / "migrations").glob("*.sql"))

_DEFAULTS: Mapping[str, str] = {
    "connect_timeout": str(CONNECT_TIMEOUT_SECONDS),
    "fallback_application_name": "mcp-handoff",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""What a URL may say otherwise: a server that is gone is noticed within half a minute."""


_PLAIN_NAME = re.compile(r"postgresql://[\w.,:/-]+:[\d,]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is and how it is used, as a URL says it: `conninfo` is libpq's part.

    Ours are `changes` (`poll` where nothing can be heard), `search_path` (set in each transaction,
    for a pooler that takes no `options`) and `prepare_threshold` (after how many times a statement
    is prepared, None for never).
    """

    conninfo: str = field(repr=False)  # it may hold a password
    polls: bool
    search_path: str | None
    prepare_threshold: int | None

    def connect(self) -> Connection:
        return Connection.connect(self.conninfo, **self.options)

    @property
    def options(self) -> dict[str, Any]:
        """What psycopg is given beside `conninfo`."""
        prepare_threshold = self.prepare_threshold
        return {"autocommit": True, "row_factory": dict_row, "prepare_threshold": prepare_threshold}


def prepare(url: str, *, read_only: bool, migrates: bool = True) -> Address:
    """Return how to use a database, once its schema was made or brought up to date, unless that is
    left to others (`migrates`).

    Raises Misconfigured when it can't be used, BackendUnavailable where that may pass, and NotFound
    where others are to make its schema.
    """
    name, address = described(url), _address(url)
    try:
        with address.connect() as connection:
            if connection.info.parameter_status("server_encoding") != "UTF8":
                raise Misconfigured(f"{name} does not hold UTF-8; create it WITH ENCODING 'UTF8'.")
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            connection.read_only = read_only
            try:
                with connection.transaction():
                    if address.search_path:
                        set_search_path(connection, address.search_path)
                    _bring_up_to_date(connection, name, read_only=read_only, migrates=migrates)
            except errors.InsufficientPrivilege as denied:
                grant = missing_grant(
                    connection, denied, address.search_path, writing=not read_only
                )
                raise unusable(name, denied, grant) from None
            if _is_behind_pooler(connection) and "prepare_threshold" not in _split(url)[1]:
                address = replace(address, prepare_threshold=None)
    except psycopg.Error as error:
        raise unusable(name, error) from None
    return address


def state_of(url: str) -> SchemaState:
    """Return the state of a database's schema, and leave the database as it is.

    Raises Misconfigured when it can't be used, BackendUnavailable where that may pass.
    """
    name, address = described(url), _address(url)
    try:
        with address.connect() as connection, connection.transaction():
            if address.search_path:
                set_search_path(connection, address.search_path)
            return SchemaState(_version(connection, name), len(_STEPS))
    except psycopg.Error as error:
        raise unusable(name, error) from None


def _bring_up_to_date(
    connection: Connection, name: str, *, read_only: bool, migrates: bool
) -> None:
    version = _version(connection, name)
    require_ready(name, len(_STEPS), version, read_only=read_only, migrates=migrates)
    if version < len(_STEPS):
        _migrate(connection, name)


def _is_behind_pooler(connection: Connection) -> bool:
    """Tell whether the server at work is another than the one that was connected to: then the next
    statement may meet yet another, which was told to prepare nothing."""
    at_work = _fetch_one(connection, b"SELECT pg_backend_pid() AS pid")
    return at_work["pid"] != connection.info.backend_pid


def _address(url: str) -> Address:
    given, ours = parts_of(url)
    changes, threshold = ours.get("changes", "listen"), ours.get("prepare_threshold", "5")
    if changes not in ("listen", "poll"):
        raise Misconfigured("HANDOFF_BACKEND: changes must be listen or poll.")
    if threshold != "none" and not threshold.isdecimal():
        raise Misconfigured("HANDOFF_BACKEND: prepare_threshold must be a number, or none.")
    return Address(
        make_conninfo("", **{**_DEFAULTS, **given, "client_encoding": "UTF8"}),
        polls=changes == "poll",
        search_path=ours.get("search_path"),
        prepare_threshold=None if threshold == "none" else int(threshold),
    )


def parts_of(url: str) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Return what a URL tells libpq and what it tells us, by name.

    Raises Misconfigured for one that is none.
    """
    return _parsed(url), _split(url)[1]


def _split(url: str) -> tuple[str, Mapping[str, str]]:
    """Return what libpq understands of a URL, and what is ours."""
    place, _, query = url.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    rest = "&".join("".join(pair) for pair in pairs if pair[0] not in _OURS)
    ours = {name: unquote(value) for name, _, value in pairs if name in _OURS}
    return f"{place}?{rest}" if rest else place, ours


_OURS = ("changes", "prepare_threshold", "search_path")


def described(url: str) -> str:
    """Return the host, port and database that a URL names, without user or password; nothing of
    it where one of them looks like something else."""
    known = {option.keyword.decode(): option.val for option in pq.Conninfo.get_defaults()}
    given = {name: value and value.decode() for name, value in known.items()} | _parsed(url)
    user = given["user"] or getuser()
    host, port = given["host"] or "localhost", given["port"]
    name = f"postgresql://{host}:{port}/{given['dbname'] or user}"
    return name if _PLAIN_NAME.fullmatch(name) else "the PostgreSQL database"


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(_split(url)[0]))
    except psycopg.ProgrammingError:
        raise Misconfigured(
            "HANDOFF_BACKEND is no address of a PostgreSQL database:"
            " postgresql://user:password@host:5432/database, with ?sslmode=verify-full and the like"
            " behind it where needed; percent-encode what is special in a password."
        ) from None


def _migrate(connection: Connection, name: str) -> None:
    """Bring the schema up to date; of two processes that start at once, one does it."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        version = _version(connection, name)
        connection.execute("CREATE TABLE IF NOT EXISTS handoff_schema (version INTEGER NOT NULL)")
        missing = _STEPS[version:]
        if not missing:
            return
        if version:
            logger.warning(
                "%s is brought from schema %d to %d; what it was before, a dump of yours alone"
                " brings back",
                name,
                version,
                len(_STEPS),
            )
        for number, step in enumerate(missing, start=version + 1):
            connection.execute(step.read_bytes())
            connection.execute("INSERT INTO handoff_schema VALUES (%s)", [number])
        connection.execute(
            "INSERT INTO schema_versions (version, serves_from) VALUES (%s, %s)",
            [len(_STEPS), served_from(_STEPS)],
        )
        if any(step.stem.endswith(INDEXES_TERMS) for step in missing):
            with connection.pipeline():  # into the index as the last step left it
                index_all(PostgresTransaction(connection, utc_now))


def _version(connection: Connection, name: str) -> int:
    """Return the schema's version, 0 where there is nothing yet."""
    found = _fetch_one(connection, _STATE)
    if not found["ours"] and found["schema"] is None:
        raise Misconfigured(
            f"{name} has no schema in its search_path that its user may use; create one, or"
            " GRANT USAGE on it."
        )
    if not found["ours"] and found["taken"]:
        raise Misconfigured(f"{name} holds another program's tables; name one of our own.")
    if not found["ours"]:
        return 0
    newest = b"SELECT max(version) AS version FROM handoff_schema"
    version: int = _fetch_one(connection, newest)["version"]
    if version > len(_STEPS):
        require_served(name, version, _serves_from(connection, version), len(_STEPS))
    return version


def _serves_from(connection: Connection, version: int) -> int | None:
    """Return the oldest version whose programs can use a schema of this version, None where nothing
    is written of that."""
    written = b"SELECT to_regclass('schema_versions') IS NOT NULL AS there"
    if not _fetch_one(connection, written)["there"]:
        return None
    asked = "SELECT serves_from FROM schema_versions WHERE version = %s"
    row = connection.execute(asked, [version]).fetchone()
    return row["serves_from"] if row else None


_STATE = b"""
    SELECT current_schema() AS schema, to_regclass('handoff_schema') IS NOT NULL AS ours, EXISTS (
        SELECT 1 FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
        AND NOT EXISTS (SELECT 1 FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ) AS taken
"""
"""What there is, in one look; the tables of an extension make no program's database."""


def _fetch_one(connection: Connection, query: bytes) -> dict[str, Any]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
