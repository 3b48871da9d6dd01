"""Where a project stands, counted and shown at a bounded cost."""

from mcp_handoff.actors import Caller
from mcp_handoff.events import author
from mcp_handoff.overview import NAMED, SHOWN, Counts, GetOverview, Overview
from mcp_handoff.projects import Project
from mcp_handoff.schema import COUNTED, timestamp
from mcp_handoff.store import messages, projects, ticket_lists
from mcp_handoff.store.held_roles import held_roles
from mcp_handoff.store.ticket_rows import listed_tickets
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.takes import holder_of
from mcp_handoff.tickets import PRIORITIES, FindTickets, urgency
from mcp_handoff.workflow import STAGES, WORK_ROLES


def get_overview(tx: Transaction, caller: Caller, request: GetOverview) -> Overview:
    """Return where a project stands, and what in it waits for the caller and the role."""
    project = projects.find_named(tx, caller, request.project)
    seen = projects.first_seen(tx, caller, NAMED + 1)
    actor, principal = caller.actor, caller.principal
    overview = Overview(
        me=author(actor.role, actor.id, principal.id, principal.name),
        projects=[Project.model_validate(row) for row in seen[:NAMED]],
        more_projects=len(seen) > NAMED,
        counts=_count(tx, project["id"] if project else ""),
        has_receiver=tx.fetch_one("SELECT 1 FROM receiver") is not None,
    )
    if project is None or not project["last_number"]:
        return overview
    filters = FindTickets(
        ready=True, role=request.role, status="open", order="urgency", slim=True, limit=SHOWN
    )
    ready = ticket_lists.list_tickets(tx, caller, project, filters, None)
    return overview.model_copy(
        update={
            "ready": listed_tickets(tx, ready.rows, project["slug"], slim=True),
            "held": held_roles(tx, project, SHOWN, holder_of(caller)),
            "asked": messages.unanswered(
                tx, project, [request.role] if request.role else [], SHOWN
            ),
        }
    )


def _count(tx: Transaction, project_id: str) -> Counts:
    """Count what there is in a project, each kind as far as COUNTED, in one query."""
    of = "project_id = :project_id"
    counted = {
        **{f"stage_{stage}": f"tickets WHERE {of} AND stage = '{stage}'" for stage in STAGES},
        **{
            f"role_{role}": f"ticket_roles WHERE {of} AND role = '{role}' AND waits = 1"
            " AND role <> 'merged'"
            for role in WORK_ROLES
        },
        "suggestions": f"suggestions WHERE {of} AND status = 'pending' AND expires_at > :now",
        "builds": "builds b JOIN tickets t ON t.id = b.source_id"
        " WHERE b.status IN ('queued', 'building') AND b.is_active = 1"
        " AND b.organization_id = (SELECT organization_id FROM projects WHERE id = :project_id)"
        " AND t.project_id = :project_id",
    }
    for priority in PRIORITIES:
        levels = ", ".join(str(urgency(priority, blocking=one)) for one in (True, False))
        counted[f"priority_{priority}"] = (
            f"tickets WHERE {of} AND status = 'open' AND urgency IN ({levels})"
        )
    columns = ", ".join(
        f"(SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {COUNTED + 1}) AS x) AS {name}"
        for name, rows in counted.items()
    )
    row = tx.fetch_one(f"SELECT {columns}", project_id=project_id, now=timestamp(tx.now))
    assert row is not None, "it selects one row"
    return Counts(
        stages={stage: row[f"stage_{stage}"] for stage in STAGES},
        priorities={priority: row[f"priority_{priority}"] for priority in PRIORITIES},
        roles={role: row[f"role_{role}"] for role in WORK_ROLES if row[f"role_{role}"]},
        pending_suggestions=row["suggestions"],
        builds_under_way=row["builds"],
    )
