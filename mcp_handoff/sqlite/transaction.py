"""The `Transaction` on a connection of apsw."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import apsw

from mcp_handoff.events import Change
from mcp_handoff.store.transaction import IndexedTicket, Row, Scope, Stretch, Terms, insert

# One row for all, for between two rows other threads run.
_NEWEST = (
    "SELECT json_group_array(json((SELECT json_group_array(rowid) FROM (SELECT rowid"
    " FROM ticket_terms WHERE ticket_terms MATCH matches.value ORDER BY rowid DESC LIMIT :most))))"
    " FROM json_each(:matches) AS matches"
)

_NEXT_NUMBER = "UPDATE projects SET last_number = last_number + 1 WHERE id = :id"
_LAST_NUMBER = "SELECT last_number FROM projects WHERE id = :id"

logger = logging.getLogger(__name__)


class SqliteTransaction:
    """A `Transaction` on one connection; one that writes is alone from its BEGIN IMMEDIATE on."""

    def __init__(self, connection: apsw.Connection, now: datetime) -> None:
        self.connection = connection
        self._now = now
        self.published: list[Change] = []

    @property
    def now(self) -> datetime:
        return self._now

    def execute(self, sql: str, **values: Any) -> None:
        execute(self.connection, sql, values)

    def fetch_one(self, sql: str, **values: Any) -> Row | None:
        return next(iter(self.fetch_all(sql, **values)), None)

    def fetch_all(self, sql: str, **values: Any) -> list[Row]:
        return [*_rows(execute(self.connection, sql, values))]

    def stream(self, sql: str) -> Iterator[Row]:
        return _rows(execute(self.connection, sql))

    def bytewise(self, column: str) -> str:
        return column

    def insert_rows(self, table: str, rows: Sequence[Row]) -> None:
        for row in rows:
            insert(self, table, row)

    def fetch_one_locked(self, sql: str, *tables: str, **values: Any) -> Row | None:
        return self.fetch_one(sql, **values)

    def fetch_one_free(self, sql: str, *tables: str, **values: Any) -> Row | None:
        return self.fetch_one(sql, **values)

    def lock(self, table: str, row_id: str) -> None:
        pass

    def claim(self, number: int) -> None:
        pass

    def add_words(self, project_id: str, words: Mapping[str, str]) -> None:
        self.execute(
            "INSERT OR IGNORE INTO project_words (project_id, word, backward)"
            " SELECT :project_id, key, value FROM json_each(:words)",
            project_id=project_id,
            words=json.dumps(words),
        )

    def index(self, ticket: IndexedTicket) -> None:
        prefix = ticket.prefix
        # One row, VALUES: before a statement of more, FTS5 would write out what it has gathered.
        self.execute(
            "INSERT OR REPLACE INTO ticket_terms (rowid, terms)"
            " VALUES ((SELECT seq FROM tickets WHERE id = :id), :terms)",
            id=ticket.id,
            terms=" ".join([prefix + term for term in ticket.terms]),
        )

    def remove_from_index(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.execute("DELETE FROM ticket_terms WHERE rowid = :number", number=number)

    def file(self, ticket: Row, roles: Sequence[Row], indexed: IndexedTicket) -> Callable[[], int]:
        # Without RETURNING, for the reason that `index` has.
        project = {"id": ticket["project_id"]}
        execute(self.connection, _NEXT_NUMBER, project)
        number: int = execute(self.connection, _LAST_NUMBER, project).get
        insert(self, "tickets", {**ticket, "number": number})
        for role in roles:
            insert(self, "ticket_roles", {**role, "number": number})
        self.index(indexed)
        return lambda: number

    def newest_with(
        self, scope: Scope, lookups: Sequence[Sequence[Terms]], most: int
    ) -> list[list[int]]:
        matches = [
            " AND ".join(_any_of(scope.spelt(terms)) for terms in parts) for parts in lookups
        ]
        values = {"matches": json.dumps(matches), "most": most}
        lists: str = execute(self.connection, _NEWEST, values).get
        return json.loads(lists)

    def tickets_among(self, name: str) -> str:
        return f"json_each(:{name}) listed CROSS JOIN tickets t ON t.seq = listed.value"

    def rows_among(self, name: str) -> str:
        return f"json_each(:{name}) asked"

    def join_first(self, stretch: Stretch, limit: str | None) -> str:
        # What looks for the last of them is cheap: it reads the index alone.
        index = f"INDEXED BY {stretch.index}" if stretch.index else ""

        def rows(name: str) -> str:
            return f"{stretch.table} {name} {index} WHERE {stretch.condition.format(x=name)}"

        if limit is None:
            return f"CROSS JOIN {rows('x')}"
        order, end, none = ("DESC", ">=", 0) if stretch.newest_first else ("", "<=", 2**62)
        last = f"SELECT y.number FROM {rows('y')} ORDER BY y.number {order} LIMIT 1 OFFSET :{limit}"
        return f"CROSS JOIN {rows('x')} AND x.number {end} COALESCE(({last} - 1), {none})"

    def settled_events(self) -> int:
        newest: int = execute(self.connection, "SELECT coalesce(max(seq), 0) FROM events").get
        return newest

    def publish(self, change: Change) -> None:
        self.published.append(change)


def _rows(cursor: apsw.Cursor) -> Iterator[Row]:
    names: list[str] = []
    for row in cursor:
        names = names or [column[0] for column in cursor.get_description()]
        yield dict(zip(names, row, strict=True))


def execute(
    connection: apsw.Connection, sql: str, values: Mapping[str, Any] | None = None
) -> apsw.Cursor:
    """Run a statement."""
    return connection.execute(sql, values)  # pyright: ignore[reportUnknownMemberType] - its stub names a type that Python 3.11 has not


def roll_back(connection: apsw.Connection) -> None:
    """End the transaction that a connection is in, if it is in one, without what it wrote."""
    if not connection.in_transaction:
        return
    try:
        execute(connection, "ROLLBACK")
    except apsw.Error:
        logger.exception("a transaction could not be rolled back")


def _any_of(terms: Terms) -> str:
    quoted = [f'"{term[:-1]}" *' if term.endswith("*") else f'"{term}"' for term in terms]
    return f"({' OR '.join(quoted)})"
