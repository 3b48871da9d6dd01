"""A ticket whole, with all that is shown of it in one piece."""

from mcp_handoff.store import builds, history, landings, links, messages, suggestion_rows, takes
from mcp_handoff.store.lookup import FoundTicket
from mcp_handoff.store.ticket_rows import whole_tickets
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.tickets import TicketDetail

NEWEST = 5
"""How many of a ticket's newest messages, suggestions, builds and events are shown with it."""


_HAS = (
    "SELECT EXISTS (SELECT 1 FROM takes WHERE ticket_id = :id) AS takes,"
    " EXISTS (SELECT 1 FROM messages WHERE ticket_id = :id) AS messages,"
    " EXISTS (SELECT 1 FROM mentions WHERE ticket_id = :id) AS changes,"
    " EXISTS (SELECT 1 FROM links WHERE ticket_id = :id) AS blockers,"
    " EXISTS (SELECT 1 FROM links WHERE blocker_id = :id) AS blocked"
)
"""What of a ticket is worth another query: most tickets have none of it."""


def of_ticket(tx: Transaction, found: FoundTicket) -> TicketDetail:
    """Return a ticket with who works on it, what it waits for and the newest of what happened."""
    ticket_id = found.ticket["id"]
    has = tx.fetch_one(_HAS, id=ticket_id)
    assert has is not None, "it selects one row"
    held = takes.of_ticket(tx, ticket_id) if has["takes"] else []
    notes = messages.own_notes(tx, ticket_id) if has["messages"] else []
    return TicketDetail(
        ticket=whole_tickets(tx, [found.ticket], found.slug)[0],
        takes=[takes.shown(tx, row) for row in held if row["held"]],
        blocked_by=links.blockers_of(tx, ticket_id) if has["blockers"] else [],
        blocks=links.blocked_by(tx, ticket_id) if has["blocked"] else [],
        changes=landings.changes_of(tx, ticket_id) if has["changes"] else [],
        notes=notes + (messages.blockers_notes(tx, ticket_id) if has["blockers"] else []),
        messages=messages.newest(tx, ticket_id, NEWEST) if has["messages"] else [],
        suggestions=suggestion_rows.of_ticket(tx, ticket_id, NEWEST),
        builds=builds.of_ticket(tx, ticket_id, NEWEST),
        events=history.newest(tx, ticket_id, NEWEST),
    )
