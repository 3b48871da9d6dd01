"""Rows of tickets and of their roles, as results show them."""

from collections.abc import Sequence
from typing import Any

from mcp_handoff.references import reference
from mcp_handoff.store.transaction import Row, Transaction, placed
from mcp_handoff.tickets import TicketRole, TicketSummary


def summaries(tx: Transaction, rows: Sequence[Row], slug: str) -> list[TicketSummary]:
    """Return ticket rows as lists show them."""
    roles = roles_by_ticket(tx, [row["id"] for row in rows])
    return [TicketSummary.model_validate(summary(row, slug, roles[row["id"]])) for row in rows]


def summary(row: Row, slug: str, roles: list[TicketRole]) -> dict[str, Any]:
    """Return the fields that every view of a ticket has."""
    return {**row, "reference": reference(row["number"], slug), "roles": roles}


def roles_of(tx: Transaction, ticket_id: str) -> list[TicketRole]:
    """Return a ticket's roles in the order in which they were named."""
    return roles_by_ticket(tx, [ticket_id])[ticket_id]


def roles_by_ticket(tx: Transaction, ticket_ids: Sequence[str]) -> dict[str, list[TicketRole]]:
    """Return the roles of each ticket in the order in which they were named."""
    roles: dict[str, list[TicketRole]] = {ticket_id: [] for ticket_id in ticket_ids}
    if not ticket_ids:
        return roles
    places, names = placed("id", ticket_ids)
    rows = tx.all(
        f"SELECT ticket_id, role, status FROM ticket_roles WHERE ticket_id IN ({places})"
        " ORDER BY ticket_id, position",
        **names,
    )
    for row in rows:
        roles[row["ticket_id"]].append(TicketRole(role=row["role"], status=row["status"]))
    return roles
