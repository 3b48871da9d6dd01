"""What a request's filters ask of a ticket."""

from typing import Any

from mcp_handoff.store.transaction import Row, placeholders
from mcp_handoff.tickets import FindTickets


def conditions_of(project: Row, request: FindTickets) -> tuple[list[str], dict[str, Any]]:
    """Return, in SQL, what tickets `t` of a project are when they fit a request's filters, and the
    values of its parameters."""
    conditions = ["t.project_id = :project_id"]
    if request.status != "any":
        conditions.append("t.status = :status")
    stages, stage_values = placeholders("stage", request.stage)
    if request.stage:
        conditions.append(f"t.stage IN ({stages})")
    if request.request_type:
        conditions.append("t.request_type = :request_type")
    if request.role:
        conditions.append(
            "EXISTS (SELECT 1 FROM ticket_roles r WHERE r.ticket_id = t.id AND r.role = :role)"
        )
    values = {
        "project_id": project["id"],
        "status": request.status,
        "request_type": request.request_type,
        "role": request.role,
        **stage_values,
    }
    return conditions, values
