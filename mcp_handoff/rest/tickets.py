"""/projects/{id}/tickets: file, list, read, trigger.

Seed pages: "Create a handoff ticket", "Trigger bot build phase for a ticket".
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from mcp_handoff.rest.backends import Desk
from mcp_handoff.rest.bodies import TicketAnswer, TicketBody, TicketRows, TriggerBody, row, slim_row
from mcp_handoff.rest.callers import ByToken, Entered
from mcp_handoff.rest.envelopes import TICKET_RESPONSES
from mcp_handoff.rest.headers import Key
from mcp_handoff.rest.requests import made
from mcp_handoff.tickets import (
    CreateTicket,
    GetTicket,
    ListTickets,
    Role,
    Status,
    TicketDetail,
    TriggerBotBuild,
    TriggeredBuild,
)

router = APIRouter(prefix="/projects/{id}/tickets", tags=["tickets"], responses=TICKET_RESPONSES)

_ACTOR = {"actor_role", "actor_id", "source"}


@router.post("", status_code=201, summary="Create a handoff ticket")
async def create_ticket(
    id: str,  # noqa: A002 - the seed's name
    body: TicketBody,
    desk: Desk,
    door: Entered,
    idempotency_key: Key = None,
) -> TicketAnswer:
    caller = door.caller(role=body.actor_role, actor_id=body.actor_id, source=body.source)
    content = body.model_dump(exclude=_ACTOR)
    request = made(CreateTicket, **content, project=id, idempotency_key=idempotency_key)
    created = await desk.create_ticket(caller, request)
    return TicketAnswer(ticket=created.ticket)


@router.get("", summary="List tickets")
async def list_tickets(
    id: str,  # noqa: A002 - the seed's name
    desk: Desk,
    caller: ByToken,
    stage: Annotated[str, Query(description="stages, separated by commas")] = "",
    status: Status | None = None,
    role: Role | Literal["merged"] | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=2000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    slim: Literal["0", "1"] = "0",
) -> TicketRows:
    request = made(
        ListTickets,
        project=id,
        query=q or None,
        status=status,
        stages=_stages(stage),
        role=role,
        limit=limit,
        offset=offset,
        cursor=cursor,
    )
    found = await desk.list_tickets(caller, request)
    show = slim_row if slim == "1" else row
    return TicketRows(
        tickets=[show(ticket) for ticket in found.tickets], next_cursor=found.next_cursor
    )


@router.get("/{ticketId}", summary="Read a ticket")
async def get_ticket(
    id: str,  # noqa: A002 - the seed's name
    ticketId: str,  # noqa: N803 - the seed's name
    desk: Desk,
    caller: ByToken,
) -> TicketDetail:
    return await desk.get_ticket(caller, made(GetTicket, ticket=ticketId, project=id))


@router.post("/{ticketId}/trigger-bot-build", summary="Trigger bot build phase for a ticket")
async def trigger_bot_build(
    id: str,  # noqa: A002 - the seed's name
    ticketId: str,  # noqa: N803 - the seed's name
    body: TriggerBody,
    desk: Desk,
    caller: ByToken,
    idempotency_key: Key = None,
) -> TriggeredBuild:
    request = made(
        TriggerBotBuild,
        ticket=ticketId,
        project=id,
        provider=body.provider,
        repo=body.repo,
        idempotency_key=idempotency_key,
    )
    return await desk.trigger_bot_build(caller, request)


def _stages(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
