"""The roles that are held in a project, by whom, and on which tickets."""

from mcp_handoff.actors import Caller
from mcp_handoff.references import reference
from mcp_handoff.store import projects, takes
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.takes import MOST_TAKES, HeldRole, Holder, ListTakes, TakeList
from mcp_handoff.workflow import WORK_ROLES


def list_takes(tx: Transaction, caller: Caller, request: ListTakes) -> TakeList:
    """Return who holds what in a project, the most urgent tickets first."""
    project = projects.find_named(tx, caller, request.project)
    held = held_roles(tx, project, MOST_TAKES + 1) if project else []
    return TakeList(takes=held[:MOST_TAKES], more=len(held) > MOST_TAKES)


def held_roles(
    tx: Transaction, project: Row, most: int, holder: Holder | None = None
) -> list[HeldRole]:
    """Return the most urgent roles that are held in a project, by one holder or by anybody."""
    owner, session = holder or (None, None)
    whose = " AND owner = :owner AND session = :session" if holder else ""
    # An index has the takes of a role, and a holder's of a role, in this order.
    of_roles = " UNION ALL ".join(
        f"SELECT * FROM (SELECT * FROM takes WHERE project_id = :project_id{whose}"
        f" AND held = 1 AND role = '{role}' ORDER BY urgency, number LIMIT :most) AS of_role"
        for role in WORK_ROLES
    )
    rows = tx.fetch_all(
        f"SELECT k.*, t.title FROM ({of_roles}) AS k JOIN tickets t ON t.id = k.ticket_id"
        " ORDER BY k.urgency, k.number LIMIT :most",
        project_id=project["id"],
        owner=owner,
        session=session,
        most=most,
    )
    return [
        HeldRole(
            ticket=reference(row["number"], project["slug"]),
            title=row["title"],
            take=takes.shown(tx, row),
        )
        for row in rows
    ]
