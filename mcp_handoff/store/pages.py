"""Pages: as many rows as were asked for, or as many as fit."""

from collections.abc import Sequence
from typing import Any

from mcp_handoff.schema import COUNTED
from mcp_handoff.store.transaction import Row, Transaction, placeholders

PAGE_BYTES = 2 * 1024 * 1024
"""What the rows of a page take at most as they are stored; a page has one row at least."""

_ROW_BYTES = 512
"""What a row takes beside its texts."""


def size_of(*texts: str) -> str:
    """Return, in SQL, what a row with these columns of text takes. Neither database reads a long
    text to tell its length."""
    lengths = "".join(f" + COALESCE(octet_length({text}), 0)" for text in texts)
    return f"{_ROW_BYTES}{lengths} AS size"


def cut(rows: Sequence[Row], limit: int, room: int = PAGE_BYTES) -> Sequence[Row]:
    """Return those of `rows`, of which each tells its `size`, that make a page."""
    for count, row in enumerate(rows[:limit]):
        room -= row["size"]
        if count and room < 0:
            return rows[:count]
    return rows[:limit]


def count(tx: Transaction, query: str, values: Row, *, most: int = COUNTED) -> int:
    """Return how many rows a query gives, `most` + 1 for more."""
    counted = tx.fetch_one(
        f"SELECT count(*) AS count FROM ({query} LIMIT :most) AS counted",
        **{**values, "most": most + 1},
    )
    assert counted is not None, "a count has one row"
    return counted["count"]


def whole(
    tx: Transaction, select: str, table: str, page: Sequence[Row], **values: Any
) -> list[Row]:
    """Return the whole rows of a page, newest first, by a query that selects from `table` and has
    `values`."""
    if not page:
        return []
    parameters, ids = placeholders("id", [row["id"] for row in page])
    sql = f"{select} WHERE {table}.id IN ({parameters}) ORDER BY {table}.seq DESC"
    return tx.fetch_all(sql, **values, **ids)
