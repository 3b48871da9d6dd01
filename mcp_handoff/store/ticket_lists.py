"""Listing a project's tickets, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcp_handoff.store.pages import cut
from mcp_handoff.store.ticket_filters import conditions_of
from mcp_handoff.store.ticket_rows import shown_columns
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.tickets import FindTickets


@dataclass(frozen=True, slots=True)
class Found:
    """A page's rows without their long texts, and the number below which the next page's are."""

    rows: Sequence[Row]
    next_position: int | None


def list_tickets(
    tx: Transaction, project: Row, request: FindTickets, position: int | None
) -> Found:
    """Return the page below `position`, newest first; an offset counts from the first page on."""
    conditions, values = conditions_of(project, request)
    if position is not None:
        conditions.append("t.number < :position")
    rows = tx.fetch_all(
        f"SELECT {shown_columns(slim=request.slim)} FROM tickets t"
        f" WHERE {' AND '.join(conditions)} ORDER BY t.number DESC LIMIT :rows OFFSET :offset",
        position=position,
        rows=request.limit + 1,
        offset=request.offset if position is None else 0,
        **values,
    )
    page = cut(rows, request.limit)
    return Found(page, page[-1]["number"] if len(page) < len(rows) else None)
