"""Searching the texts of a project's tickets, page by page."""

from mcp_handoff.references import parse_name
from mcp_handoff.store.pages import cut
from mcp_handoff.store.ticket_filters import conditions_of
from mcp_handoff.store.ticket_lists import Found
from mcp_handoff.store.ticket_rows import shown_columns
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.tickets import FindTickets

_BEFORE_ALL = 2**63 - 1
"""The position in front of every ticket's number."""


def search(
    tx: Transaction, project: Row, request: FindTickets, query: str, position: int | None
) -> Found:
    """Return the page below `position` of what `query` finds, newest first; an offset counts from
    the first page on.

    A query that is a ticket's number or reference has that ticket on top of its first page.
    """
    named = _named(tx, project, request, query)
    offset = request.offset if position is None else 0
    conditions, values = conditions_of(project, request)
    conditions += [tx.search.condition, "t.number < :below", "t.number <> :excluded"]
    rows = tx.fetch_all(
        f"SELECT {shown_columns(slim=request.slim)} FROM {tx.search.source}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {tx.search.order} LIMIT :rows OFFSET :offset",
        match=tx.match(query),
        below=_BEFORE_ALL if position is None else position,
        excluded=named["number"] if named else 0,
        rows=request.limit + 1,
        offset=offset,
        **values,
    )
    if named and position is None and not offset:
        rows = [named, *rows]
    page = cut(rows, request.limit)
    if len(page) == len(rows):
        return Found(page, None)
    return Found(page, _BEFORE_ALL if page[-1] is named else page[-1]["number"])


def _named(tx: Transaction, project: Row, request: FindTickets, query: str) -> Row | None:
    """Return the ticket that the query is a name of, when it is wanted otherwise."""
    try:
        key = parse_name(query)
    except ValueError:
        return None
    if key.number is None or key.project not in (None, project["slug"]):
        return None
    conditions, values = conditions_of(project, request)
    return tx.fetch_one(
        f"SELECT {shown_columns(slim=request.slim)} FROM tickets t"
        f" WHERE {' AND '.join(conditions)} AND t.number = :number",
        number=key.number,
        **values,
    )
