"""Rows of tickets and of their roles, as results show them."""

from collections.abc import Sequence
from typing import Any

from mcp_handoff.references import reference
from mcp_handoff.store.pages import size_of
from mcp_handoff.store.transaction import Row, Transaction, decode_json, placeholders
from mcp_handoff.tickets import Ticket, TicketSummary
from mcp_handoff.workflow import TicketRole

_SUMMARY_COLUMNS = ", ".join(
    f"t.{name}" for name in TicketSummary.model_fields if name not in ("reference", "roles")
)
LISTED_COLUMNS = ("project_id", "stage", "request_type", "urgency")
"""What the rows of a ticket's roles have of it beside its number, so that lists of a role's tickets
need no more."""

_OTHER_COLUMNS = ", ".join(Ticket.model_fields.keys() - TicketSummary.model_fields.keys())

_SLIM = size_of("t.title", "t.actor_id")
_WHOLE = size_of(
    "t.title",
    "t.actor_id",
    "t.description",
    "t.evidence",
    "t.suggested_resolution",
    "t.implementation_notes",
    "t.ai_output",
    "t.resolution_note",
)


def shown_columns(*, slim: bool) -> str:
    """Return what is selected of tickets `t` for a page: all but their long texts, and their
    `size`, with these unless `slim`."""
    return f"{_SUMMARY_COLUMNS}, {_SLIM if slim else _WHOLE}"


def listed_tickets(tx: Transaction, rows: Sequence[Row], slug: str, *, slim: bool) -> list[Ticket]:
    """Return tickets of a project, whose rows were read without their long texts: with them unless
    `slim`."""
    if not slim:
        return whole_tickets(tx, _with_texts(tx, rows), slug)
    roles = roles_by_ticket(tx, [row["id"] for row in rows])
    return [Ticket.model_validate(summary(row, slug, roles[row["id"]])) for row in rows]


def _with_texts(tx: Transaction, rows: Sequence[Row]) -> list[Row]:
    """Return rows of tickets that were read without their long texts with them."""
    if not rows:
        return []
    parameters, ids = placeholders("id", [row["id"] for row in rows])
    found = tx.fetch_all(
        f"SELECT id, {_OTHER_COLUMNS} FROM tickets WHERE id IN ({parameters})", **ids
    )
    texts = {row["id"]: row for row in found}
    return [{**row, **texts[row["id"]]} for row in rows]


def whole_tickets(tx: Transaction, rows: Sequence[Row], slug: str) -> list[Ticket]:
    """Return tickets with all that is kept of them."""
    roles = roles_by_ticket(tx, [row["id"] for row in rows])
    return [
        Ticket.model_validate(
            {
                **summary(row, slug, roles[row["id"]]),
                "evidence": decode_json(row["evidence"]),
                "ai_output": decode_json(row["ai_output"]),
            }
        )
        for row in rows
    ]


def summary(row: Row, slug: str, roles: Sequence[TicketRole]) -> dict[str, Any]:
    """Return the fields that every view of a ticket has."""
    return {**row, "reference": reference(row["number"], slug), "roles": roles}


def roles_of(tx: Transaction, ticket_id: str) -> list[TicketRole]:
    """Return a ticket's roles in the order in which they were named."""
    return roles_by_ticket(tx, [ticket_id])[ticket_id]


def roles_by_ticket(tx: Transaction, ticket_ids: Sequence[str]) -> dict[str, list[TicketRole]]:
    """Return the roles of each ticket in the order in which they were named."""
    roles: dict[str, list[TicketRole]] = {ticket_id: [] for ticket_id in ticket_ids}
    if not roles:
        return roles
    parameters, ids = placeholders("id", ticket_ids)
    found = tx.fetch_all(
        f"SELECT ticket_id, role, status FROM ticket_roles WHERE ticket_id IN ({parameters})"
        " ORDER BY ticket_id, position",
        **ids,
    )
    for row in found:
        roles[row["ticket_id"]].append(TicketRole(role=row["role"], status=row["status"]))
    return roles
