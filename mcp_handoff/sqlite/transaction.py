"""The `Transaction` on a connection of apsw."""

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import apsw

from mcp_handoff.events import Change
from mcp_handoff.store.transaction import Row, TextSearch

_WORD = re.compile(r"(\w+)(\*?)")

logger = logging.getLogger(__name__)


class SqliteTransaction:
    """A `Transaction` on one connection; one that writes is alone from its BEGIN IMMEDIATE on."""

    search = TextSearch(
        source="ticket_words CROSS JOIN tickets t ON t.seq = ticket_words.rowid",
        condition="ticket_words MATCH replace(:project_id, '-', '') || ' AND (' || :match || ')'",
        order="ticket_words.rowid DESC",
    )

    def __init__(self, connection: apsw.Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self.published: list[Change] = []

    @property
    def now(self) -> datetime:
        return self._now

    def execute(self, sql: str, **values: Any) -> None:
        execute(self._connection, sql, values)

    def fetch_one(self, sql: str, **values: Any) -> Row | None:
        return next(iter(self.fetch_all(sql, **values)), None)

    def fetch_all(self, sql: str, **values: Any) -> list[Row]:
        cursor = execute(self._connection, sql, values)
        rows: list[Row] = []
        names: list[str] = []
        for row in cursor:
            names = names or [column[0] for column in cursor.get_description()]
            rows.append(dict(zip(names, row, strict=True)))
        return rows

    def fetch_one_locked(self, sql: str, *tables: str, **values: Any) -> Row | None:
        return self.fetch_one(sql, **values)

    def lock(self, table: str, row_id: str) -> None:
        pass

    def match(self, words: str) -> str:
        return " ".join(f'"{word}"{star}' for word, star in _WORD.findall(words)) or '""'

    def publish(self, change: Change) -> None:
        self.published.append(change)


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
