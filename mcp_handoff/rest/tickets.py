"""/projects/{id}/tickets: file, list, read, trigger.

Seed pages: "Create a handoff ticket", "Trigger bot build phase for a ticket".
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from mcp_handoff.rest.backends import Desk
from mcp_handoff.rest.callers import ByToken, Entered
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.parameters import Cursor, Key, ProjectId, Stages, TicketId, Words
from mcp_handoff.rest.requests import made
from mcp_handoff.rest.rows import TicketBody, TicketRows, TriggerBody, row, slim_row
from mcp_handoff.tickets import (
    CreatedTicket,
    CreateTicket,
    GetTicket,
    ListTickets,
    RequestType,
    Role,
    Status,
    TicketDetail,
    TriggerBotBuild,
    TriggeredBuild,
)

router = APIRouter(prefix="/projects/{id}/tickets", tags=["tickets"])

_ACTOR = {"actor_role", "actor_id", "source"}


@router.post("", status_code=201, summary="Create a handoff ticket", responses=ticket_writes(404))
async def create_ticket(
    project: ProjectId,
    body: TicketBody,
    desk: Desk,
    door: Entered,
    idempotency_key: Key = None,
) -> CreatedTicket:
    caller = door.caller(role=body.actor_role, actor_id=body.actor_id, source=body.source)
    content = body.model_dump(exclude=_ACTOR)
    request = made(CreateTicket, **content, project=project, idempotency_key=idempotency_key)
    return await desk.create_ticket(caller, request)


@router.get("", summary="List tickets", responses=ticket_reads(400, 404))
async def list_tickets(
    project: ProjectId,
    desk: Desk,
    caller: ByToken,
    stages: Stages = "",
    status: Status | None = None,
    role: Role | Literal["merged"] | None = None,
    request_type: RequestType | None = None,
    words: Words = "",
    limit: Annotated[int, Query(ge=1, le=2000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    cursor: Cursor = None,
    slim: Literal["0", "1"] = "0",
) -> TicketRows:
    request = made(
        ListTickets,
        project=project,
        query=words or None,
        status=status,
        stages=_split(stages),
        role=role,
        request_type=request_type,
        limit=limit,
        offset=offset,
        cursor=cursor,
    )
    found = await desk.list_tickets(caller, request)
    show = slim_row if slim == "1" else row
    return TicketRows(
        tickets=[show(ticket) for ticket in found.tickets], next_cursor=found.next_cursor
    )


@router.get("/{ticketId}", summary="Read a ticket", responses=ticket_reads(400, 404))
async def get_ticket(
    project: ProjectId,
    ticket: TicketId,
    desk: Desk,
    caller: ByToken,
) -> TicketDetail:
    return await desk.get_ticket(caller, made(GetTicket, ticket=ticket, project=project))


@router.post(
    "/{ticketId}/trigger-bot-build",
    summary="Trigger bot build phase for a ticket",
    responses=ticket_writes(404),
)
async def trigger_bot_build(
    project: ProjectId,
    ticket: TicketId,
    body: TriggerBody,
    desk: Desk,
    caller: ByToken,
    idempotency_key: Key = None,
) -> TriggeredBuild:
    request = made(
        TriggerBotBuild,
        ticket=ticket,
        project=project,
        provider=body.provider,
        repo=body.repo,
        idempotency_key=idempotency_key,
    )
    return await desk.trigger_bot_build(caller, request)


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
