"""Writing a whole store down as an archive."""

import json
from collections.abc import Callable
from typing import Any

from mcp_handoff.archives.archive import END, FORMAT, ROW
from mcp_handoff.progress import Progress
from mcp_handoff.store.archive_tables import TABLES, Table
from mcp_handoff.store.transaction import Transaction

_TOLD = 200
"""After how many rows it is told how far it is."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def export_archive(tx: Transaction, write: Callable[[str], object], progress: Progress) -> int:
    """Write every row of a store as a line, and return how many there are; the rows are in an order
    that depends on no database."""
    total = sum(_count(tx, table) for table in TABLES)
    done = 0

    def put(**fields: Any) -> None:
        write(f"{_ENCODER.encode(fields)}\n")

    put(mcp_handoff=FORMAT)
    for table in TABLES:
        for row in tx.stream(_selection(tx, table)):
            put(**{ROW: table.kind}, **table.fields_of(row))
            done += 1
            if done % _TOLD == 0:
                progress("Exporting", done, total)
    put(**{ROW: END}, rows=done)
    return done


def _count(tx: Transaction, table: Table) -> int:
    counted = tx.fetch_one(f"SELECT count(*) AS rows FROM {table.name}")
    assert counted is not None, "a count is one row"
    return counted["rows"]


def _selection(tx: Transaction, table: Table) -> str:
    order = [
        tx.bytewise(name) if table.columns.get(name) is str else name
        for name in table.order or table.key
    ]
    return f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(order)}"
