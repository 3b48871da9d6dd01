"""The tickets of all projects that a caller sees, page by page, newest first.

A page is merged from the projects' own lists, of which no more is read than it needs.
"""

from collections.abc import Iterator
from heapq import merge
from itertools import islice

from mcp_handoff.actors import Caller
from mcp_handoff.store import cursors, projects, ticket_lists
from mcp_handoff.store.pages import cut
from mcp_handoff.store.ticket_rows import listed_tickets
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.tickets import FindAllTickets, FindTickets, Ticket, TicketPage

_MORE = 4
"""By what the tickets of a project that are read at once are multiplied when they are used up, and
how many more than its share of a page they are at first."""

# Within a project tickets have their numbers in the order in which they were filed, without gaps.
_BEGINNINGS = """
    WITH RECURSIVE halves (id, slug, low, high) AS (
        SELECT id, slug, CAST(0 AS BIGINT), last_number + 1 FROM projects WHERE {seen}
        UNION ALL
        SELECT h.id, h.slug,
            CASE WHEN t.seq < :position THEN t.number ELSE h.low END,
            CASE WHEN t.seq < :position THEN h.high ELSE t.number END
        FROM halves h
        JOIN tickets t ON t.project_id = h.id AND t.number = (h.low + h.high) / 2
        WHERE h.high > h.low + 1
    )
    SELECT id, slug, high AS number FROM halves WHERE high = low + 1 AND high > 1
"""
"""Each project with the number before which its tickets of a page are: by halves, for the filing
of all projects together has an index, and a project's by their numbers another."""


def find_all_tickets(tx: Transaction, caller: Caller, request: FindAllTickets) -> TicketPage:
    """Return a page of the tickets of all projects that the caller sees, newest first."""
    position = cursors.decode_number(request.cursor, request)
    seen, slugs = projects.sight_of(caller)
    begun = tx.fetch_all(
        _BEGINNINGS.format(seen=seen), position=2**62 if position is None else position, **slugs
    )
    first = request.limit // max(len(begun), 1) + _MORE
    lists = [_newest(tx, caller, project, request, first) for project in begun]
    newest_first = merge(*lists, key=lambda row: row["seq"], reverse=True)
    rows = list(islice(newest_first, request.limit + 1))
    page = cut(rows, request.limit)
    listed: dict[str, Ticket] = {}
    for project in begun:
        own = [row for row in page if row["project_id"] == project["id"]]
        tickets = listed_tickets(tx, own, project["slug"], slim=request.slim) if own else []
        listed |= {ticket.id: ticket for ticket in tickets}
    return TicketPage(
        tickets=[listed[row["id"]] for row in page],
        next_cursor=cursors.encode(page[-1]["seq"], request) if len(page) < len(rows) else None,
    )


def _newest(
    tx: Transaction, caller: Caller, project: Row, request: FindAllTickets, limit: int
) -> Iterator[Row]:
    """Read the tickets of a project before a number, newest first: so many at once, then more."""
    filters = FindTickets(**request.model_dump(include={"status", "stage", "role", "slim"}))
    number = project["number"]
    while True:
        limit = min(limit, request.limit + 1)
        rows = ticket_lists.newest_before(tx, caller, project, filters, number, limit)
        yield from rows
        if len(rows) < limit:
            return
        number, limit = rows[-1]["number"], limit * _MORE
