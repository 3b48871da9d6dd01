"""The activity of a project: what happened in it, the newest first, to read and to take away."""

import csv
import io
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import get_args

from starlette.responses import Response, StreamingResponse

from mcp_handoff.errors import NotFound
from mcp_handoff.events import EventPage, EventTopic, ListEvents, ProjectEvent
from mcp_handoff.portal.timeline import Entry
from mcp_handoff.portal.visits import Visit
from mcp_handoff.validation import Arguments

MOST_EVENTS = 10_000
"""How many events are taken away at once: the newest."""

_PAGE = 200
_FILTERS = ("topic", "author", "ticket")
_COLUMNS = ("created_at", "kind", "ticket", "who", "happened", "before", "after")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet would compute, also in the full width of East Asian texts
(https://owasp.org/www-community/attacks/CSV_Injection)."""


async def show_activity(visit: Visit) -> Response:
    """Show a page of what happened in a project, as the address filters it."""
    page = await _events(visit, visit.request.query_params.get("cursor"), 50)
    return visit.render(
        "activity.html",
        entries=[(event, Entry(event=event)) for event in page.events],
        next_cursor=page.next_cursor,
        filters=_filters(visit),
        topics=get_args(EventTopic),
        project=visit.desk.own_project(visit.visitor),
        projects=await visit.projects(),
    )


async def download_activity(visit: Visit) -> Response:
    """Give the newest MOST_EVENTS events that the address finds, as CSV or as JSON."""
    kind = visit.request.path_params["name"]
    if kind not in _FORMATS:
        raise NotFound("Events are there as events.csv and as events.json.")
    written, media_type = _FORMATS[kind]
    first = await _events(visit, None, _PAGE)  # what is refused is told before anything is sent
    headers = {"Content-Disposition": f'attachment; filename="{kind}"'}
    return StreamingResponse(
        written(_all_events(visit, first)), media_type=media_type, headers=headers
    )


async def _all_events(visit: Visit, page: EventPage) -> AsyncGenerator[ProjectEvent]:
    for _ in range(MOST_EVENTS // _PAGE):
        for event in page.events:
            yield event
        if page.next_cursor is None:
            return
        page = await _events(visit, page.next_cursor, _PAGE)


async def _events(visit: Visit, cursor: str | None, limit: int) -> EventPage:
    sent = {**_filters(visit), "newest_first": True, "limit": limit, "cursor": cursor}
    return await visit.desk.list_events(visit.visitor, Arguments(ListEvents, sent))


def _filters(visit: Visit) -> dict[str, str]:
    query = visit.request.query_params
    return {name: query[name] for name in _FILTERS if query.get(name)}


async def _as_csv(events: AsyncIterator[ProjectEvent]) -> AsyncGenerator[str]:
    """Write events as RFC 4180 has it, with no cell that a spreadsheet would compute."""
    yield _line(_COLUMNS)
    async for event in events:
        told = _told(event)
        yield _line([_harmless(told[name]) for name in _COLUMNS])


async def _as_json(events: AsyncIterator[ProjectEvent]) -> AsyncGenerator[str]:
    """Write events as one JSON array, an event a line."""
    before = "["
    async for event in events:
        yield f"{before}\n{event.model_dump_json(exclude_none=True)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _told(event: ProjectEvent) -> dict[str, str]:
    return {
        "created_at": event.created_at,
        "kind": event.kind,
        "ticket": event.ticket or "",
        "who": event.author,
        "happened": event.happened,
        "before": json.dumps(event.before) if event.before else "",
        "after": json.dumps(event.after) if event.after else "",
    }


def _line(cells: list[str] | tuple[str, ...]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


_FORMATS = {
    "events.csv": (_as_csv, "text/csv; charset=utf-8"),
    "events.json": (_as_json, "application/json"),
}
