"""What a request's filters ask of a ticket."""

from datetime import datetime
from typing import Any

from mcp_handoff import takes
from mcp_handoff.actors import Caller
from mcp_handoff.principals import LOCAL, Principal
from mcp_handoff.schema import timestamp
from mcp_handoff.store.transaction import Row, placeholders
from mcp_handoff.tickets import FindTickets


def conditions_of(
    project: Row, request: FindTickets, caller: Caller, now: datetime
) -> tuple[list[str], dict[str, Any]]:
    """Return, in SQL, what tickets `t` of a project are when they fit a caller's filters, and the
    values of its parameters."""
    conditions = ["t.project_id = :project_id"]
    if request.status != "any":
        conditions.append("t.status = :status")
    stages, stage_values = placeholders("stage", request.stage)
    if request.stage:
        conditions.append(f"t.stage IN ({stages})")
    if request.request_type:
        conditions.append("t.request_type = :request_type")
    if request.priority:
        conditions.append("t.priority = :priority")
    if request.blocking is not None:
        conditions.append("t.blocking = :blocking")
    author = folded(request.author) if request.author else None
    if author == LOCAL.name:
        conditions.append("(t.actor_key = :author OR t.principal_id = 'local')")
    elif author:
        conditions.append("(t.actor_key = :author OR t.principal_key = :author)")
    if request.updated_since:
        conditions.append("t.updated_at >= :updated_since")
    if request.role:
        waits = " AND r.waits = 1" if request.still_to_act else ""
        conditions.append(
            "EXISTS (SELECT 1 FROM ticket_roles r"
            f" WHERE r.ticket_id = t.id AND r.role = :role{waits})"
        )
    if request.ready:
        conditions.append(_is_ready(request.role))
    if request.blocked:
        conditions.append("t.blockers > 0")
    if request.taken_by:
        conditions.append(_is_taken(request.role, request.taken_by))
    values = {
        "project_id": project["id"],
        "status": request.status,
        "request_type": request.request_type,
        "priority": request.priority,
        "blocking": int(bool(request.blocking)),
        "author": author,
        "updated_since": request.updated_since,
        "role": request.role,
        "now": timestamp(now),
        "owner": caller.owner,
        "holder": request.taken_by and folded(request.taken_by),
        **stage_values,
    }
    return conditions, values


def _is_ready(role: str | None) -> str:
    """Return, in SQL, that the role, or any, can begin on a ticket `t`, or be taken over there."""
    of_role = " AND r.role = :role" if role else ""
    return (
        "EXISTS (SELECT 1 FROM ticket_roles r WHERE r.ticket_id = t.id AND r.ready = 1"
        f"{of_role} AND (r.status = 'pending' OR EXISTS (SELECT 1 FROM takes k"
        " WHERE k.ticket_id = r.ticket_id AND k.role = r.role AND k.held = 1"
        " AND k.until <= :now)))"
    )


def _is_taken(role: str | None, name: str) -> str:
    """Return, in SQL, that whom a name stands for holds the role, or any, of a ticket `t`."""
    of_role = " AND k.role = :role" if role else ""
    no = "NOT " if folded(name) == takes.NOBODY else ""
    held = f"SELECT 1 FROM takes k WHERE k.ticket_id = t.id{of_role} AND {_held_by(name)}"
    return f"{no}EXISTS ({held})"


def _held_by(name: str) -> str:
    """Return, in SQL, what a take `k` is that is held by whom this name stands for."""
    match folded(name):
        case takes.ANYONE | takes.NOBODY:
            return "k.held = 1"
        case takes.ME:
            return "k.held = 1 AND k.owner = :owner"
        case _:
            return "k.held = 1 AND (k.actor_key = :holder OR k.principal_key = :holder)"


def author_keys(actor_id: str | None, principal: Principal) -> dict[str, str | None]:
    """Return the columns by which a ticket is found that was filed under these names: the second
    one for a credential that goes by another name."""
    actor, credential = actor_id and folded(actor_id), folded(principal.name)
    is_other = principal.id != LOCAL.id and credential != actor
    return {"actor_key": actor, "principal_key": credential if is_other else None}


def folded(name: str) -> str:
    """Return a name as those of authors are compared: without case."""
    return name.casefold()
