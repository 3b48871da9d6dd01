"""/tickets: those of all projects that the caller sees."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from mcp_handoff.rest.dependencies import DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads
from mcp_handoff.rest.parameters import Cursor, Stages, given, stages_in
from mcp_handoff.rest.rows import TicketRows, ticket_row
from mcp_handoff.tickets import FindAllTickets
from mcp_handoff.validation import Arguments
from mcp_handoff.workflow import AnyRole, Status

router = APIRouter(prefix="/tickets", tags=["tickets"])


@router.get("", summary="List the tickets of all projects", responses=ticket_reads(400))
async def find_all_tickets(
    desk: DeskDep,
    visitor: VisitorDep,
    stages: Stages = "",
    status: Status | None = None,
    role: AnyRole | None = None,
    limit: Annotated[int, Query(ge=1, le=2000)] = 1000,
    cursor: Cursor = None,
    slim: Literal["0", "1"] = "0",
) -> TicketRows:
    sent = given(
        stage=stages_in(stages),
        status=status,
        role=role,
        limit=limit,
        cursor=cursor,
        slim=slim == "1",
    )
    page = await desk.find_all_tickets(visitor, Arguments(FindAllTickets, sent))
    rows = [ticket_row(ticket, slim=slim == "1") for ticket in page.tickets]
    return TicketRows(tickets=rows, next_cursor=page.next_cursor)
