"""The `Transaction` on a connection of psycopg, and how one is run to its COMMIT."""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.rows import DictRow

from mcp_handoff.errors import OutcomeUnknown
from mcp_handoff.events import Change
from mcp_handoff.postgres.failures import is_lost
from mcp_handoff.store.transaction import (
    READ_SECONDS,
    Clock,
    IndexedTicket,
    Row,
    Scope,
    Stretch,
    Terms,
    Transaction,
)

ResultT = TypeVar("ResultT")

Connection = psycopg.Connection[DictRow]

CHANNEL = "'mcp_handoff_' || current_schema()::regnamespace::oid"
"""Where the changes of this store are published, in SQL."""

WITHOUT_WAITING = "set_config('synchronous_commit', 'off', true)"
"""What has a transaction that only notifies not wait for the disk, in SQL."""

_PARAMETER = re.compile(r"'(?:[^']|'')*'|::|:(?P<name>[a-z]\w*)|%")


_NOW = "SELECT now() AT TIME ZONE 'UTC' AS now"
_BEGIN_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    f"{_NOW}, set_config('synchronous_commit', 'on', true),"
    " set_config('lock_timeout', '10s', true), set_config('statement_timeout', '30s', true),"
    " set_config('idle_in_transaction_session_timeout', '30s', true)".encode(),
)
_BEGIN_READ = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    f"{_NOW}, set_config('statement_timeout', '{READ_SECONDS}s', true)".encode(),
)

SMALL, LARGE = 10, 16
"""By how many bits a ticket's number is shortened for each of the two blocks that it lies in."""

FETCHED = 100
"""How many rows of a query are in memory at once that gives many."""

APART = 2_100
"""From which length on PostgreSQL keeps a text out of its row."""

logger = logging.getLogger(__name__)


class PostgresTransaction:
    """A `Transaction` on one connection, in its pipeline mode: what nobody asks the outcome of
    goes out with the next query, or with the COMMIT."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._now = cache(clock)

    @property
    def now(self) -> datetime:
        return self._now()

    def execute(self, sql: str, **values: Any) -> None:
        self._execute(sql, values)

    def fetch_one(self, sql: str, **values: Any) -> Row | None:
        return self._execute(sql, values).fetchone()

    def fetch_all(self, sql: str, **values: Any) -> list[Row]:
        return [*self._execute(sql, values).fetchall()]

    def fetch_one_locked(self, sql: str, *tables: str, **values: Any) -> Row | None:
        only = f" OF {', '.join(tables)}" if tables else ""
        return self.fetch_one(f"{sql} FOR NO KEY UPDATE{only}", **values)

    def fetch_one_free(self, sql: str, *tables: str, **values: Any) -> Row | None:
        of = ", ".join(tables)
        return self.fetch_one(f"{sql} FOR NO KEY UPDATE OF {of} SKIP LOCKED", **values)

    def stream(self, sql: str) -> Iterator[Row]:
        self._connection.execute(f"DECLARE streamed NO SCROLL CURSOR FOR {sql}".encode())
        # Not prepared: what it gives is of another kind each time.
        fetch = f"FETCH {FETCHED} FROM streamed".encode()
        while rows := self._connection.execute(fetch, prepare=False).fetchall():
            yield from rows
        self.execute("CLOSE streamed")

    def bytewise(self, column: str) -> str:
        return f'{column} COLLATE "C"'

    def insert_rows(self, table: str, rows: Sequence[Row]) -> None:
        names = ", ".join(rows[0])
        self.execute(
            f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {names}"
            f" FROM json_populate_recordset(NULL::{table}, CAST(:rows AS JSON))",
            rows=json.dumps(rows),
        )
        if "seq" in rows[0]:
            self.execute(
                "SELECT setval(s, greatest(pg_sequence_last_value(s), (SELECT max(seq)"
                f" FROM {table}))) FROM CAST(pg_get_serial_sequence(:table, 'seq') AS REGCLASS) s",
                table=table,
            )

    def lock(self, table: str, row_id: str) -> None:
        self.execute(f"SELECT 1 FROM {table} WHERE id = :id FOR NO KEY UPDATE", id=row_id)

    def claim(self, number: int) -> None:
        self.execute("SELECT pg_advisory_xact_lock(:number)", number=number)

    def add_words(self, project_id: str, words: Mapping[str, str]) -> None:
        self.execute(
            "INSERT INTO project_words (project_id, word, backward)"
            " SELECT :project_id, key, value FROM json_each_text(CAST(:words AS JSON))"
            " ORDER BY key ON CONFLICT DO NOTHING",
            project_id=project_id,
            words=json.dumps(words),
        )

    def index(self, ticket: IndexedTicket) -> None:
        self.execute(
            f"INSERT INTO ticket_terms (seq, terms) SELECT seq, {_TERMS} FROM tickets"
            " WHERE id = :id ON CONFLICT (seq) DO UPDATE SET terms = excluded.terms",
            id=ticket.id,
            **_spelt(ticket),
        )

    def remove_from_index(self, numbers: Sequence[int]) -> None:
        self.execute("DELETE FROM ticket_terms WHERE seq = ANY (:numbers)", numbers=[*numbers])

    def file(self, ticket: Row, roles: Sequence[Row], indexed: IndexedTicket) -> Callable[[], int]:
        cursor = self._execute(
            _filing(tuple(ticket), tuple(roles[0])),
            {**ticket, "project": ticket["project_id"], "roles": json.dumps(roles)}
            | _spelt(indexed),
        )

        def number() -> int:
            row = cursor.fetchone()
            assert row is not None, "the project was read in this transaction"
            return row["number"]

        return number

    def newest_with(
        self, scope: Scope, lookups: Sequence[Sequence[Terms]], most: int
    ) -> list[list[int]]:
        near, far = _blocks(scope.newest)
        rows = self.fetch_all(
            "SELECT seqs FROM newest_tickets(CAST(:lookups AS TEXT[]), CAST(:near AS TEXT[]),"
            " CAST(:far AS TEXT[]), :most)",
            lookups=[" & ".join(_any_of(scope, terms) for terms in parts) for parts in lookups],
            near=near,
            far=far,
            most=most,
        )
        return [row["seqs"] for row in rows]

    def tickets_among(self, name: str) -> str:
        # An array, which PostgreSQL takes for ten (of rows that a function returns it expects a
        # hundred, and may read the whole table for them); apart from what else is asked (OFFSET).
        seqs = f"SELECT value::BIGINT FROM json_array_elements_text(CAST(:{name} AS JSON))"
        return f"(SELECT * FROM tickets WHERE seq = ANY (ARRAY({seqs})) OFFSET 0) t"

    def rows_among(self, name: str) -> str:
        return f"json_array_elements(CAST(:{name} AS JSON)) asked (value)"

    def join_first(self, stretch: Stretch, limit: str | None) -> str:
        order = f"ORDER BY number {'DESC' if stretch.newest_first else 'ASC'}"
        return (
            f"CROSS JOIN LATERAL (SELECT number, urgency FROM {stretch.table} t"
            f" WHERE {stretch.condition.format(x='t')}"
            f"{f' {order} LIMIT :{limit}' if limit else ''}) AS x"
        )

    def settled_events(self) -> int:
        newest = self.fetch_one("SELECT coalesce(max(seq), 0) AS seq FROM events")
        assert newest is not None, "a maximum has one row"
        # Looked for after the newest: what took a lower number holds its lock, or is seen later on.
        held = self.fetch_all(_HELD)
        behind = [(newest["seq"] - row["seq"]) % 2**31 for row in held]
        return newest["seq"] - max((by for by in behind if by < 2**30), default=0)

    def publish(self, change: Change) -> None:
        self.execute(f"SELECT pg_notify({CHANNEL}, :change)", change=encode_change(change))

    def _execute(self, sql: str, values: Mapping[str, Any]) -> psycopg.Cursor[DictRow]:
        return self._connection.execute(_translate(sql), values)


_TERMS = (
    "format('%1$s/%2$s/ %1$s//%3$s/%4$s', CAST(:prefix AS TEXT),"
    f" number >> {SMALL}, number >> {LARGE}, CAST(:lines AS TEXT))"
)
"""A ticket's terms as they are kept: in the first line the two blocks of its number."""


def _spelt(ticket: IndexedTicket) -> dict[str, str]:
    lines = "".join([f"\n{term}" for term in ticket.terms])
    return {"prefix": ticket.prefix, "lines": lines.ljust(APART, "\n")}


@lru_cache(maxsize=16)
def _filing(ticket: tuple[str, ...], roles: tuple[str, ...]) -> str:
    """Return the statement that files a ticket with these columns: one, for between two other
    threads of this process would run while the project is locked."""
    of_roles = ", ".join(roles)
    return (
        "WITH numbered AS (UPDATE projects SET last_number = last_number + 1 WHERE id = :project"
        " RETURNING last_number AS number),"
        f" filed AS (INSERT INTO tickets ({', '.join(ticket)}, number)"
        f" SELECT {', '.join(f':{name}' for name in ticket)}, number FROM numbered"
        " RETURNING seq, number),"
        f" assigned AS (INSERT INTO ticket_roles ({of_roles}, number) SELECT {of_roles}, n.number"
        " FROM json_populate_recordset(NULL::ticket_roles, CAST(:roles AS JSON)), numbered n),"
        f" indexed AS (INSERT INTO ticket_terms (seq, terms) SELECT seq, {_TERMS} FROM filed)"
        " SELECT number FROM filed"
    )


def encode_change(change: Change) -> str:
    """Return a change as it is published."""
    return json.dumps({name: value for name, value in asdict(change).items() if value})


_HELD = """
    SELECT objid::BIGINT AS seq FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 'events'::regclass
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
"""The 31 lower bits of each number after which a transaction under way may add events."""


def transact(
    connection: Connection,
    operation: Callable[[Transaction], ResultT],
    clock: Clock | None,
    *,
    writing: bool,
    search_path: str | None = None,
) -> ResultT:
    """Run an operation once; only when the server has said so is what it wrote durable.

    After a statement that failed, the server skips the COMMIT and says so, which raises. Without a
    `clock` the time is the database's.
    """
    done = None
    try:
        with connection.pipeline():
            begin, look = _BEGIN_WRITE if writing else _BEGIN_READ
            connection.execute(begin)
            begun = connection.execute(look)
            if search_path:
                set_search_path(connection, search_path)
            result = operation(PostgresTransaction(connection, clock or partial(_instant, begun)))
            done = connection.execute("COMMIT"), result
    except psycopg.Error as error:
        if done and done[0].statusmessage == "COMMIT":
            return done[1]  # only what comes after it was lost
        if done and writing and is_lost(error):
            logger.warning("the connection was lost while committing", exc_info=error)
            raise OutcomeUnknown(
                "The connection to the database was lost while committing. Look before a retry."
            ) from error
        # What ended the pipeline is known by what came before: all after it is only "aborted".
        if isinstance(error, errors.PipelineAborted) and isinstance(
            error.__context__, psycopg.Error
        ):
            raise error.__context__ from None
        raise
    return result


def _instant(begun: psycopg.Cursor[DictRow]) -> datetime:
    """Return when the transaction began, by the database's clock."""
    row = begun.fetchone()
    assert row is not None, "it selects one row"
    return row["now"].replace(tzinfo=UTC)


def set_search_path(connection: Connection, search_path: str) -> None:
    """Set it for the transaction under way."""
    connection.execute("SELECT set_config('search_path', %s, true)", [search_path])


@lru_cache(maxsize=512)
def _translate(sql: str) -> bytes:
    """Return a statement with `:name` parameters as psycopg takes it."""
    return _PARAMETER.sub(
        lambda found: f"%({found['name']})s" if found["name"] else found[0].replace("%", "%%"), sql
    ).encode()


NEAR = 8
"""In how many of the newest small blocks tickets are looked for before it is done in the large."""


def _small(block: int) -> str:
    return f"/{block}/"


def _large(block: int) -> str:
    return f"//{block}/"


def _blocks(newest: int) -> tuple[list[str], list[str]]:
    """Return the small blocks that are near the newest number, and all large ones where those are
    not all numbers; from the newest on."""
    last = newest >> SMALL
    near = range(last, max(last - NEAR, -1), -1)
    far = range(newest >> LARGE, -1, -1) if last >= NEAR else ()
    return [*map(_small, near)], [*map(_large, far)]


def _any_of(scope: Scope, terms: Terms) -> str:
    spelt = scope.spelt([f"@{term}" for term in terms])
    quoted = [f"'{term[:-1]}':*" if term.endswith("*") else f"'{term}'" for term in spelt]
    return f"({' | '.join(quoted)})"
