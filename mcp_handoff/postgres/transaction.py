"""The `Transaction` on a connection of psycopg."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import DictRow

from mcp_handoff.events import Change
from mcp_handoff.store.transaction import Row, TextSearch

Connection = psycopg.Connection[DictRow]

CHANNEL = "'mcp_handoff_' || current_schema()::regnamespace::oid"
"""Where the changes of this store are published, in SQL."""

_MARKS = re.compile("[\u0300-\u036f]+")
_WORD = re.compile(r"(\w+)(\*?)")
_PARAMETER = re.compile(r"'(?:[^']|'')*'|::|:(?P<name>[a-z]\w*)|%")


class PostgresTransaction:
    """A `Transaction` on one connection, in its pipeline mode: what nobody asks the outcome of
    goes out with the next query, or with the COMMIT."""

    search = TextSearch(
        source="tickets t",
        condition=(
            "numnode(to_tsquery('simple', :match)) > 0"
            " AND ticket_words(t.project_id, t.title, t.description)"
            " @@ (to_tsquery('simple', 'p' || replace(:project_id, '-', ''))"
            " && to_tsquery('simple', :match))"
        ),
        order="t.number DESC",
    )

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    @property
    def now(self) -> datetime:
        return self._now

    def execute(self, sql: str, **values: Any) -> None:
        self._execute(sql, values)

    def fetch_one(self, sql: str, **values: Any) -> Row | None:
        return self._execute(sql, values).fetchone()

    def fetch_all(self, sql: str, **values: Any) -> list[Row]:
        return [*self._execute(sql, values).fetchall()]

    def fetch_one_locked(self, sql: str, *tables: str, **values: Any) -> Row | None:
        only = f" OF {', '.join(tables)}" if tables else ""
        return self.fetch_one(f"{sql} FOR NO KEY UPDATE{only}", **values)

    def lock(self, table: str, row_id: str) -> None:
        self.execute(f"SELECT 1 FROM {table} WHERE id = :id FOR NO KEY UPDATE", id=row_id)

    def match(self, words: str) -> str:
        plain = _MARKS.sub("", unicodedata.normalize("NFD", words))
        phrases: list[str] = []
        for word, star in _WORD.findall(plain):
            # An underscore separates, as in the index.
            if parts := [f"'{part}'" for part in word.split("_") if part]:
                phrases.append(" <-> ".join(parts) + (":*" if star else ""))
        return " & ".join(phrases)

    def publish(self, change: Change) -> None:
        fields = {name: value for name, value in asdict(change).items() if value}
        self.execute(f"SELECT pg_notify({CHANNEL}, :change)", change=json.dumps(fields))

    def _execute(self, sql: str, values: Mapping[str, Any]) -> psycopg.Cursor[DictRow]:
        return self._connection.execute(_translate(sql), values)


@cache
def _translate(sql: str) -> bytes:
    """Return a statement with `:name` parameters as psycopg takes it."""
    return _PARAMETER.sub(
        lambda found: f"%({found['name']})s" if found["name"] else found[0].replace("%", "%%"), sql
    ).encode()
