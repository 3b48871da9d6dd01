"""Where tickets stand: read, and moved on with all that follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.schema import timestamp
from mcp_handoff.store import links
from mcp_handoff.store.lookup import FoundTicket
from mcp_handoff.store.ticket_rows import LISTED_COLUMNS, roles_of
from mcp_handoff.store.ticket_terms import index_ticket_by_id
from mcp_handoff.store.transaction import Row, Transaction, insert, placeholders
from mcp_handoff.workflow import STILL_TO_ACT, Standing


@dataclass(frozen=True, slots=True)
class Moved:
    """A ticket's row as it is after a move, the roles that can begin with it, and the references of
    the tickets that waited for it alone."""

    ticket: Row
    handed_on_to: list[str]
    unblocked: list[str]


def standing_of(tx: Transaction, ticket: Row) -> Standing:
    """Return where a ticket stands."""
    return Standing.of(ticket["stage"], roles_of(tx, ticket["id"]))


def move(
    tx: Transaction,
    caller: Caller,
    found: FoundTicket,
    before: Standing,
    after: Standing,
    changes: Mapping[str, Any],
) -> Moved:
    """Write down where a ticket stands now, with other changes of its columns, and what follows:
    whose work is over, who can begin, which tickets wait no longer.

    The ticket is locked, and `before` was read after that. A ticket's version counts its closings
    and reopenings.
    """
    ticket = found.ticket
    columns = {"stage": after.stage, **changes, "updated_at": timestamp(tx.now)}
    turns = before.status != after.status
    closes, opens = turns and after.status == "closed", turns and after.status == "open"
    if closes:
        columns |= {"status": "closed", "resolved_at": timestamp(tx.now)}
    if opens:
        columns |= {"status": "open", "resolution_type": None, "resolved_at": None}
        columns |= {"resolution_note": None}
    if turns:
        columns["version"] = ticket["version"] + 1
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    tx.execute(f"UPDATE tickets SET {assignments} WHERE id = :id", id=ticket["id"], **columns)
    moved = {**ticket, **columns}
    _write_roles(tx, moved, before, after, was_blocked=bool(ticket["blockers"]))
    unblocked: list[str] = []
    if turns:
        unblocked = links.tell_blocked(tx, caller, ticket, closed=closes)
    if turns or {"title", "description"} & changes.keys():
        index_ticket_by_id(tx, ticket["id"])
    begin = [
        role
        for role in after.open_roles
        if after.is_clear_for(role) and not before.is_clear_for(role) and not moved["blockers"]
    ]
    return Moved(moved, begin, unblocked)


def _write_roles(
    tx: Transaction, ticket: Row, before: Standing, after: Standing, *, was_blocked: bool
) -> None:
    """Write how far each role is where that changed, and end the takes of those that nobody works
    on any more."""
    now = timestamp(tx.now)
    places = {role: place for place, role in enumerate(before.roles)}
    for place, (role, status) in enumerate(after.roles.items()):
        ready = after.is_clear_for(role) and not ticket["blockers"]
        state = {"status": status, "waits": int(status in STILL_TO_ACT), "ready": int(ready)}
        if role not in places:
            listed = {name: ticket[name] for name in (*LISTED_COLUMNS, "number")}
            of_ticket = {"ticket_id": ticket["id"], "updated_at": now, **listed}
            insert(tx, "ticket_roles", {**of_ticket, "position": place, "role": role, **state})
        elif (place, status) != (places[role], before.roles[role]):
            tx.execute(
                "UPDATE ticket_roles SET position = :place, status = :status, waits = :waits,"
                " ready = :ready, updated_at = :now WHERE ticket_id = :ticket_id AND role = :role",
                place=place,
                now=now,
                ticket_id=ticket["id"],
                role=role,
                **state,
            )
        elif ready != (before.is_clear_for(role) and not was_blocked):
            links.write_ready(tx, ticket["id"], role, ready)
    ended = [
        role
        for role, status in before.roles.items()
        if status == "in_progress" != after.roles[role]
    ]
    if ended:
        parameters, roles = placeholders("role", ended)
        tx.execute(
            "UPDATE takes SET held = 0, until = NULL, parked = NULL, waits_for = NULL"
            f" WHERE ticket_id = :ticket_id AND role IN ({parameters})",
            ticket_id=ticket["id"],
            **roles,
        )
