"""A ticket whole, with all that is shown of it in one piece."""

from collections.abc import Sequence

from mcp_handoff.store import builds, history, links, messages, suggestions, takes
from mcp_handoff.store.lookup import FoundTicket
from mcp_handoff.store.ticket_rows import whole_tickets
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.tickets import TicketDetail

NEWEST = 5
"""How many of a ticket's newest messages, suggestions, builds and events are shown with it."""


def of_ticket(tx: Transaction, found: FoundTicket, held: Sequence[Row]) -> TicketDetail:
    """Return a ticket with who works on it by its takes, what it waits for and the newest of what
    happened."""
    ticket_id = found.ticket["id"]
    return TicketDetail(
        ticket=whole_tickets(tx, [found.ticket], found.slug)[0],
        takes=[takes.shown(tx, row) for row in held if row["held"]],
        blocked_by=links.blockers_of(tx, ticket_id),
        blocks=links.blocked_by(tx, ticket_id),
        notes=messages.handoff_notes(tx, ticket_id),
        messages=messages.newest(tx, ticket_id, NEWEST),
        suggestions=suggestions.of_ticket(tx, ticket_id, NEWEST),
        builds=builds.of_ticket(tx, ticket_id, NEWEST),
        events=history.newest(tx, ticket_id, NEWEST),
    )
