"""The board: a project's tickets by stage."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from mcp_handoff.portal.rendering import PROJECT_COOKIE, render, set_cookie
from mcp_handoff.portal.visits import Visit
from mcp_handoff.takes import Take
from mcp_handoff.tickets import PRIORITIES, REQUEST_TYPES, FindTickets, Ticket
from mcp_handoff.validation import Arguments
from mcp_handoff.workflow import LIVE, STAGES, WORK_ROLES, Stage

COLUMN = 20
"""How many tickets of a stage one page shows."""

_FILTERS = ("role", "request_type", "priority", "taken_by", "author", "query")
_KEPT_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Column:
    """A stage with its most urgent tickets, the newest where all is done; `more` is the cursor of
    those that follow."""

    stage: Stage
    tickets: list[Ticket]
    total: int | None
    more: str | None


async def show_board(visit: Visit) -> Response:
    """Show the tickets of a project, by stage, as the address filters them."""
    query = visit.request.query_params
    filters = {name: query[name] for name in _FILTERS if query.get(name)}
    if query.get("blocking"):
        filters["blocking"] = "true"
    project = visit.desk.own_project(visit.visitor)
    cursors = {stage: query.get(f"after_{stage}") for stage in STAGES}
    columns = await asyncio.gather(
        *(_column(visit, stage, filters, cursors[stage]) for stage in STAGES)
    )
    holders = defaultdict[str, list[Take]](list)
    for held in (await visit.takes()).takes:
        holders[held.ticket].append(held.take)
    response = render(
        visit.request,
        "board.html",
        holders=holders,
        columns=columns,
        filters=filters,
        project=project,
        projects=await visit.projects(),
        roles=WORK_ROLES,
        priorities=PRIORITIES,
        request_types=REQUEST_TYPES,
    )
    if query.get("project"):
        set_cookie(visit.request, response, PROJECT_COOKIE, project, _KEPT_SECONDS)
    return response


async def _column(
    visit: Visit, stage: Stage, filters: dict[str, str], cursor: str | None
) -> Column:
    asked: dict[str, Any] = {
        **filters,
        "stage": [stage],
        "slim": True,
        "limit": COLUMN,
        "order": "newest" if stage == LIVE else "urgency",
        "cursor": cursor,
    }
    if "blocking" in asked:
        asked["blocking"] = True
    if "role" in asked:
        asked["still_to_act"] = stage != LIVE
    page = await visit.desk.find_tickets(visit.visitor, Arguments(FindTickets, asked))
    return Column(stage, page.tickets, page.total, page.next_cursor)
