"""/projects/{id}/events: a project's history."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from mcp_handoff.events import EventPage, EventTopic, ListEvents
from mcp_handoff.rest.dependencies import DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads
from mcp_handoff.rest.parameters import Cursor, Doer, ProjectId, TicketQuery, given
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/projects/{id}/events", tags=["events"])


@router.get("", summary="Follow a project's history", responses=ticket_reads(400, 404))
async def list_events(
    project: ProjectId,
    desk: DeskDep,
    visitor: VisitorDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Cursor = None,
    newest_first: Literal["0", "1"] = "0",
    ticket: TicketQuery = None,
    topic: EventTopic | None = None,
    author: Doer = None,
) -> EventPage:
    sent = given(
        limit=limit,
        cursor=cursor,
        newest_first=newest_first == "1",
        ticket=ticket,
        topic=topic,
        author=author,
    )
    return await desk.list_events(visitor, Arguments(ListEvents, sent, {"project": project}))
