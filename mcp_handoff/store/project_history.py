"""A project's events, read one page after another."""

from mcp_handoff.actors import Caller
from mcp_handoff.events import EventPage, ListEvents, ProjectEvent
from mcp_handoff.references import reference
from mcp_handoff.store import cursors, projects
from mcp_handoff.store.pages import cut, size_of
from mcp_handoff.store.transaction import Row, Transaction, decode_json

_SIZE = size_of("e.before", "e.after")


def list_events(tx: Transaction, caller: Caller, request: ListEvents, settled: int) -> EventPage:
    """Return a page of a project's events up to the number `settled`, oldest first."""
    project = projects.find_named(tx, caller, request.project)
    scope = project["id"] if project else ""
    position = cursors.decode_number(request.cursor, request, scope)
    if project is None:
        return EventPage(events=[])
    rows = tx.fetch_all(
        f"SELECT e.*, t.number, {_SIZE} FROM events e LEFT JOIN tickets t ON t.id = e.ticket_id"
        " WHERE e.project_id = :project_id AND e.seq > :position AND e.seq <= :settled"
        " ORDER BY e.seq LIMIT :limit",
        project_id=project["id"],
        position=position or 0,
        settled=settled,
        limit=request.limit,
    )
    page = cut(rows, request.limit)
    after = cursors.encode(page[-1]["seq"], request, scope) if page else request.cursor
    return EventPage(events=[event_of(row, project["slug"]) for row in page], next_cursor=after)


def event_of(row: Row, slug: str) -> ProjectEvent:
    """Return a row of the events, with the number of its ticket, as an event of a project."""
    told = {
        "ticket": reference(row["number"], slug) if row["number"] else None,
        "before": decode_json(row["before"]),
        "after": decode_json(row["after"]),
    }
    return ProjectEvent.model_validate({**row, **told})
