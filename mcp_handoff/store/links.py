"""Which tickets block which, and what it means for them that one closes."""

from collections.abc import Collection, Sequence
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound, ValidationFailed
from mcp_handoff.links import SHOWN, LinkedTicket
from mcp_handoff.references import reference
from mcp_handoff.store import history
from mcp_handoff.store.lookup import look_up_ticket
from mcp_handoff.store.ticket_rows import roles_by_ticket
from mcp_handoff.store.transaction import Row, Transaction, insert, placeholders
from mcp_handoff.text.characters import listed
from mcp_handoff.workflow import Standing

FOLLOWED = 5_000
"""How many tickets are followed from blocker to blocker to see that none comes round."""

_LINKED = (
    "SELECT t.number, t.title, t.status, p.slug FROM links l"
    " JOIN tickets t ON t.id = l.{other} JOIN projects p ON p.id = t.project_id"
    " WHERE l.{this} = :id ORDER BY t.status DESC, t.seq DESC LIMIT :most"
)


def lock_blockers(tx: Transaction, caller: Caller, project: Row, names: Sequence[str]) -> list[Row]:
    """Return the tickets of these names, each once; nobody else opens or closes them, or links
    other tickets of the organization, until the transaction ends."""
    tx.lock("organizations", project["organization_id"])
    if not names:
        return []
    found = {
        one.ticket["id"]: one.reference
        for one in (
            look_up_ticket(tx, caller, name, None, within=project, field="blocked_by")
            for name in names
        )
    }
    for ticket_id in sorted(found):
        tx.lock("tickets", ticket_id)
    parameters, ids = placeholders("id", found)
    rows = tx.fetch_all(f"SELECT id, status FROM tickets WHERE id IN ({parameters})", **ids)
    statuses = {row["id"]: row["status"] for row in rows}
    if gone := [name for ticket_id, name in found.items() if ticket_id not in statuses]:
        why = f"names {listed(gone)}, pruned just now"
        raise NotFound.at("blocked_by", why, "leave out what is no longer there")
    return [
        {"id": ticket_id, "reference": name, "status": statuses[ticket_id]}
        for ticket_id, name in found.items()
    ]


def link(tx: Transaction, ticket_id: str, blockers: Collection[Row]) -> int:
    """Have a ticket blocked by these and no others; return how many of them are open.

    Raises ValidationFailed where it would come to wait for itself.
    """
    _refuse_circles(tx, ticket_id, blockers)
    tx.execute("DELETE FROM links WHERE ticket_id = :id", id=ticket_id)
    for blocker in blockers:
        insert(tx, "links", {"ticket_id": ticket_id, "blocker_id": blocker["id"]})
    return count_open(blockers)


def count_open(blockers: Collection[Row]) -> int:
    """Return how many of these tickets are open."""
    return sum(blocker["status"] == "open" for blocker in blockers)


def _refuse_circles(tx: Transaction, ticket_id: str, blockers: Collection[Row]) -> None:
    for blocker in blockers:
        above = tx.fetch_all(
            "WITH RECURSIVE above (id) AS (SELECT id FROM tickets WHERE id = :blocker"
            " UNION SELECT l.blocker_id FROM links l JOIN above a ON l.ticket_id = a.id)"
            f" SELECT id FROM above LIMIT {FOLLOWED + 1}",
            blocker=blocker["id"],
        )
        name = blocker["reference"]
        if ticket_id in (row["id"] for row in above):
            same = blocker["id"] == ticket_id
            why = "names the ticket itself" if same else f"names {name}, which waits for this one"
            raise ValidationFailed.at("blocked_by", why, "leave it out")
        if len(above) > FOLLOWED:
            why = f"names {name}, which waits for more than {FOLLOWED:,} others"
            raise ValidationFailed.at("blocked_by", why, "leave it out")


def blockers_of(tx: Transaction, ticket_id: str) -> list[LinkedTicket]:
    """Return the tickets that block one, the open ones first."""
    return _linked(tx, ticket_id, this="ticket_id", other="blocker_id")


def blocked_by(tx: Transaction, ticket_id: str) -> list[LinkedTicket]:
    """Return the tickets that one blocks, the open ones first: SHOWN at most."""
    return _linked(tx, ticket_id, this="blocker_id", other="ticket_id")


def _linked(tx: Transaction, ticket_id: str, **columns: str) -> list[LinkedTicket]:
    rows = tx.fetch_all(_LINKED.format(**columns), id=ticket_id, most=SHOWN)
    return [
        LinkedTicket.model_validate({**row, "reference": reference(row["number"], row["slug"])})
        for row in rows
    ]


def tell_blocked(tx: Transaction, caller: Caller, blocker: Row, *, closed: bool) -> list[str]:
    """Tell the tickets that one blocks that it closed, or was opened again; return the references
    of those that wait for nothing more."""
    rows = tx.fetch_all(
        "UPDATE tickets SET blockers = blockers + :by WHERE id IN"
        " (SELECT ticket_id FROM links WHERE blocker_id = :id)"
        " RETURNING id, project_id, number, stage, status, blockers,"
        " (SELECT slug FROM projects p WHERE p.id = tickets.project_id) AS slug",
        by=-1 if closed else 1,
        id=blocker["id"],
    )
    turned = [row for row in rows if row["blockers"] == (0 if closed else 1)]
    roles = roles_by_ticket(tx, [row["id"] for row in turned])
    for row in turned:
        standing = Standing.of(row["stage"], roles[row["id"]])
        for role in standing.open_roles:
            write_ready(tx, row["id"], role, standing.is_clear_for(role) and closed)
    unblocked = [row for row in turned if closed and row["status"] == "open"]
    for row in unblocked:
        _tell_unblocked(tx, caller, row)
    return [reference(row["number"], row["slug"]) for row in unblocked]


def write_ready(tx: Transaction, ticket_id: str, role: str, ready: bool) -> None:
    """Write down whether anything has to come before a role's work."""
    tx.execute(
        "UPDATE ticket_roles SET ready = :ready WHERE ticket_id = :ticket_id AND role = :role",
        ready=int(ready),
        ticket_id=ticket_id,
        role=role,
    )


def _tell_unblocked(tx: Transaction, caller: Caller, row: Row) -> None:
    before: dict[str, Any] = {"blockers": 1}
    history.add_event(
        tx,
        caller,
        "ticket.unblocked",
        subject_id=row["id"],
        project_id=row["project_id"],
        ticket_id=row["id"],
        before=before,
        after={"blockers": 0},
    )
