"""Tickets as the ticket API lists them."""

from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel

from mcp_handoff.schema import Timestamp
from mcp_handoff.tickets import Priority, RequestType, Ticket
from mcp_handoff.workflow import RoleStatus, Stage, Status


class RoleRow(BaseModel):
    """A role on a ticket."""

    id: str
    handoff_request_id: str
    role: str
    status: RoleStatus


class SlimTicketRow(BaseModel):
    """A ticket in a list without its long texts."""

    id: str
    reference: str
    project_id: str
    number: int
    title: str
    request_type: RequestType
    category: RequestType
    status: Status
    stage: Stage
    priority: Priority
    severity: Priority
    blocking: bool
    actor_role: str
    actor_id: str | None
    source: str
    principal_id: str | None
    principal_name: str | None
    created_at: Timestamp
    updated_at: Timestamp
    roles: list[RoleRow]


class TicketRow(SlimTicketRow):
    """A ticket as the ticket API lists it, with its aliases."""

    description: str
    evidence: dict[str, Any] | None
    suggested_resolution: str | None
    suggested_backend_change: str | None
    implementation_notes: str | None
    ai_output: dict[str, Any] | None
    merge_sha: str | None
    deployed_at: Timestamp | None
    deploy_failed_at: Timestamp | None
    resolution_type: str | None
    resolution_note: str | None
    resolved_at: Timestamp | None


class TicketRows(BaseModel):
    """A page of tickets."""

    tickets: list[TicketRow | SlimTicketRow]
    next_cursor: str | None = None
    total: int | None = None
    projects: list[str] | None = None
    tried: list[str] | None = None


def ticket_row(ticket: Ticket, *, slim: bool) -> TicketRow | SlimTicketRow:
    """Return a ticket as a list shows it."""
    row: dict[str, Any] = {
        **ticket.model_dump(),
        "category": ticket.request_type,
        "severity": ticket.priority,
        "roles": [
            RoleRow(
                id=str(uuid5(UUID(ticket.id), role.role)),
                handoff_request_id=ticket.id,
                role=role.role,
                status=role.status,
            )
            for role in ticket.roles
        ],
    }
    if slim:
        return SlimTicketRow.model_validate(row)
    row["suggested_backend_change"] = ticket.suggested_resolution
    return TicketRow.model_validate(row)
