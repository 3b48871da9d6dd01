"""A project's events, read one page after another."""

from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.events import EventPage, ListEvents, ProjectEvent, kinds_of
from mcp_handoff.references import reference
from mcp_handoff.store import cursors, projects
from mcp_handoff.store.lookup import look_up_ticket
from mcp_handoff.store.pages import cut, size_of
from mcp_handoff.store.transaction import Row, Transaction, decode_json, placeholders

LOOKED_THROUGH = 5_000
"""How many events a page looks through for those of a topic, or of an author."""

_SIZE = size_of("e.before", "e.after")


def list_events(tx: Transaction, caller: Caller, request: ListEvents, settled: int) -> EventPage:
    """Return a page of a project's events up to the number `settled`."""
    found = None
    if request.ticket:
        found = look_up_ticket(tx, caller, request.ticket, request.project)
    project = found.project if found else projects.find_named(tx, caller, request.project)
    scope = [project["id"] if project else "", *([found.ticket["id"]] if found else [])]
    position = cursors.decode_number(request.cursor, request, *scope)
    if project is None:
        return EventPage(events=[])
    within, values = _within(request, settled, position, scope[-1])
    reach = _reach(tx, request, within, values)
    rows = _read(tx, request, within, {**values, "reach": reach})
    page = cut(rows, request.limit)
    last = page[-1]["seq"] if len(page) < len(rows) else reach
    if last is None and page and not request.newest_first:
        last = page[-1]["seq"]
    end = None if request.newest_first else request.cursor
    return EventPage(
        events=[event_of(row, project["slug"]) for row in page],
        next_cursor=end if last is None else cursors.encode(last, request, *scope),
    )


def _within(
    request: ListEvents, settled: int, position: int | None, scope: str
) -> tuple[str, dict[str, Any]]:
    """Return, in SQL, which events of a ticket or a project follow a position, and the values of
    the parameters."""
    after, before = position or 0, settled + 1
    if request.newest_first:
        after, before = 0, before if position is None else min(position, before)
    column = "ticket_id" if request.ticket else "project_id"
    within = f"e.{column} = :scope AND e.seq > :after AND e.seq < :before"
    return within, {"scope": scope, "after": after, "before": before}


def _order(request: ListEvents) -> str:
    return f"e.seq {'DESC' if request.newest_first else 'ASC'}"


def _reach(tx: Transaction, request: ListEvents, within: str, values: Row) -> int | None:
    """Return the number of the last event that a page looks at, None where it may look at all."""
    if not (request.topic or request.author):
        return None
    row = tx.fetch_one(
        f"SELECT e.seq FROM events e WHERE {within} ORDER BY {_order(request)}"
        f" LIMIT 1 OFFSET {LOOKED_THROUGH - 1}",
        **values,
    )
    return row["seq"] if row else None


def _read(tx: Transaction, request: ListEvents, within: str, values: Row) -> list[Row]:
    """Return the rows of a page, and one more where there is one."""
    conditions, kinds = [within], dict[str, str]()
    if values["reach"] is not None:
        conditions.append(f"e.seq {'>=' if request.newest_first else '<='} :reach")
    if request.topic:
        parameters, kinds = placeholders("kind", kinds_of(request.topic))
        conditions.append(f"e.kind IN ({parameters})")
    if request.author:
        conditions.append("(e.actor_id = :author OR e.principal_name = :author)")
    return tx.fetch_all(
        f"SELECT e.*, t.number, {_SIZE} FROM events e LEFT JOIN tickets t ON t.id = e.ticket_id"
        f" WHERE {' AND '.join(conditions)} ORDER BY {_order(request)} LIMIT :rows",
        rows=request.limit + 1,
        author=request.author,
        **values,
        **kinds,
    )


def event_of(row: Row, slug: str) -> ProjectEvent:
    """Return a row of the events, with the number of its ticket, as an event of a project."""
    told = {
        "ticket": reference(row["number"], slug) if row["number"] else None,
        "before": decode_json(row["before"]),
        "after": decode_json(row["after"]),
    }
    return ProjectEvent.model_validate({**row, **told})
