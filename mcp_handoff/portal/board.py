"""The board: a project's tickets by stage."""

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from mcp_handoff.errors import Malformed
from mcp_handoff.portal.addresses import local_address
from mcp_handoff.portal.cards import Card
from mcp_handoff.portal.forms import read_form
from mcp_handoff.portal.rendering import KEPT_SECONDS, PROJECT_COOKIE, set_cookie
from mcp_handoff.portal.visits import Visit
from mcp_handoff.schema import COUNTED
from mcp_handoff.signals import ListSignals, Signals
from mcp_handoff.tickets import PRIORITIES, REQUEST_TYPES, FindTickets, TicketPage
from mcp_handoff.validation import Arguments
from mcp_handoff.work import UpdateTicket
from mcp_handoff.workflow import LIVE, STAGES, WORK_ROLES, Stage

COLUMN = 20
"""How many tickets of a stage one page shows."""

_FILTERS = ("role", "request_type", "priority", "taken_by", "author", "query")
_MOVE = ("ticket", "stage", "updated_at")
_MARKS = ("blocking", "blocked")


@dataclass(frozen=True, slots=True)
class Column:
    """A stage with its most urgent tickets, the newest where all is done; `more` is the cursor of
    those that follow."""

    stage: Stage
    cards: list[Card]
    total: int | None
    more: str | None


async def show_board(visit: Visit) -> Response:
    """Show the tickets of a project, by stage, as the address filters them."""
    query = visit.request.query_params
    filters = {name: query[name] for name in _FILTERS if query.get(name)}
    filters |= {name: "true" for name in _MARKS if query.get(name)}
    project = visit.desk.own_project(visit.visitor)
    pages = await asyncio.gather(
        *(_tickets(visit, stage, filters, query.get(f"after_{stage}")) for stage in STAGES)
    )
    signals = await _signals(visit, pages)
    columns = [
        Column(
            stage,
            [Card(ticket, signals.get(ticket.name, Signals())) for ticket in page.tickets],
            page.total,
            page.next_cursor,
        )
        for stage, page in zip(STAGES, pages, strict=True)
    ]
    projects = await visit.projects()
    response = visit.render(
        "board.html",
        columns=columns,
        counted=COUNTED,
        filters=filters,
        project=project,
        projects=projects,
        roles=WORK_ROLES,
        priorities=PRIORITIES,
        request_types=REQUEST_TYPES,
        origin=str(visit.request.base_url).rstrip("/"),
    )
    if query.get("project") and any(one.slug == project for one in projects):
        set_cookie(visit.request, response, PROJECT_COOKIE, project, KEPT_SECONDS)
    return response


async def move_ticket(visit: Visit) -> Response:
    """Move a ticket to another stage of the board, unless somebody changed it since it was shown
    there."""
    form = await read_form(visit.request)
    named = (form.one("to") or "").split(" ")
    if len(named) != len(_MOVE):
        raise Malformed("A move names a ticket, the stage that it goes to, and its version.")
    moved = Arguments(UpdateTicket, dict(zip(_MOVE, named, strict=True)))
    await visit.desk.update_ticket(visit.visitor, moved)
    return visit.back_to(local_address(form.one("back") or ""))


async def _tickets(
    visit: Visit, stage: Stage, filters: dict[str, str], cursor: str | None
) -> TicketPage:
    asked: dict[str, Any] = {
        **filters,
        **{name: True for name in _MARKS if name in filters},
        "stage": [stage],
        "slim": True,
        "limit": COLUMN,
        "order": "newest" if stage == LIVE else "urgency",
        "cursor": cursor,
    }
    if "role" in asked:
        asked["still_to_act"] = stage != LIVE
    return await visit.desk.find_tickets(visit.visitor, Arguments(FindTickets, asked))


async def _signals(visit: Visit, pages: list[TicketPage]) -> dict[str, Signals]:
    """Return what stands beside the tickets of some pages; nothing where an API does not tell."""
    names = [ticket.name for page in pages for ticket in page.tickets]
    if not names or not visit.desk.has_store:
        return {}
    listed = await visit.desk.list_signals(
        visit.visitor, Arguments(ListSignals, {"tickets": names})
    )
    return listed.signals
