"""/projects/{id}/tickets: file, list, read, trigger.

The ticket API's documented pages "Create a handoff ticket" and "Trigger bot build phase for a
ticket" (docs/rest.md).
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from mcp_handoff import tickets
from mcp_handoff.actors import Claim
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.headers import tell_in_headers
from mcp_handoff.rest.parameters import (
    Author,
    Cursor,
    Holder,
    Key,
    ProjectId,
    Since,
    Stages,
    TicketId,
    Wait,
    Words,
    given,
    stages_in,
)
from mcp_handoff.rest.presence import while_connected
from mcp_handoff.rest.rows import TicketRows, ticket_row
from mcp_handoff.tickets import (
    BuildingTicket,
    FindTickets,
    GetTicket,
    Order,
    Priority,
    RequestType,
    SimilarTicket,
    TicketDetail,
    TicketSummary,
    TriggerBotBuild,
)
from mcp_handoff.validation import Arguments
from mcp_handoff.workflow import AnyRole, Status

router = APIRouter(prefix="/projects/{id}/tickets", tags=["tickets"])


class CreateTicket(Claim, tickets.CreateTicket):
    """A ticket to file; the actor defaults to a user, the token's name and portal. A bot names
    roles."""

    priority: Priority = Field(...)
    blocking: bool = Field(...)


class TriggeredTicket(BaseModel):
    """The ticket with the run that was started, or with the one already on its way."""

    ticket: BuildingTicket


class FiledTicket(BaseModel):
    """The ticket that was filed, or the one that this call repeats; `similar` are up to three open
    ones that look like it, the most alike first."""

    ticket: TicketSummary
    deduplicated: bool
    similar: list[SimilarTicket]
    masked: list[str] | None = Field(
        default=None, description="fields in which a token or key was masked"
    )


_BOTS_NAME_ROLES = {
    "if": {"properties": {"actor_role": {"const": "bot"}}, "required": ["actor_role"]},
    "then": {"properties": {"roles": {"minItems": 1}}, "required": ["roles"]},
}


@router.post(
    "",
    status_code=201,
    summary="Create a handoff ticket",
    responses=ticket_writes(404),
    openapi_extra=json_body(
        CreateTicket, without={"project", "idempotency_key"}, more=_BOTS_NAME_ROLES
    ),
)
async def create_ticket(
    project: ProjectId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> FiledTicket:
    fixed = {"project": project, "idempotency_key": key}
    created = await desk.create_ticket(visitor, Arguments(CreateTicket, body, fixed))
    tell_in_headers(response, created)
    return FiledTicket(
        ticket=created.ticket,
        deduplicated=created.deduplicated,
        similar=created.similar,
        masked=created.masked,
    )


@router.get("", summary="List tickets", responses=ticket_reads(400, 404))
async def find_tickets(
    project: ProjectId,
    desk: DeskDep,
    visitor: VisitorDep,
    stages: Stages = "",
    status: Status | None = None,
    role: AnyRole | None = None,
    still_to_act: Literal["0", "1"] = "0",
    request_type: RequestType | None = None,
    priority: Priority | None = None,
    blocking: Literal["0", "1"] | None = None,
    ready: Literal["0", "1"] = "0",
    blocked: Literal["0", "1"] = "0",
    taken_by: Holder = None,
    author: Author = None,
    updated_since: Since = None,
    order: Order = "newest",
    words: Words = "",
    limit: Annotated[int, Query(ge=1, le=2000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    cursor: Cursor = None,
    slim: Literal["0", "1"] = "0",
) -> TicketRows:
    sent = given(
        stage=stages_in(stages),
        query=words or None,
        status=status,
        role=role,
        still_to_act=still_to_act == "1",
        request_type=request_type,
        priority=priority,
        blocking=None if blocking is None else blocking == "1",
        ready=ready == "1",
        blocked=blocked == "1",
        taken_by=taken_by,
        author=author,
        updated_since=updated_since,
        order=order,
        limit=limit,
        offset=offset,
        cursor=cursor,
        slim=slim == "1",
    )
    page = await desk.find_tickets(visitor, Arguments(FindTickets, sent, {"project": project}))
    rows = [ticket_row(ticket, slim=slim == "1") for ticket in page.tickets]
    return TicketRows(
        tickets=rows,
        next_cursor=page.next_cursor,
        total=page.total,
        projects=page.projects,
        tried=page.tried,
    )


@router.get("/{ticketId}", summary="Read a ticket", responses=ticket_reads(400, 404))
async def get_ticket(
    request: Request,
    project: ProjectId,
    ticket: TicketId,
    desk: DeskDep,
    visitor: VisitorDep,
    wait_s: Wait = 0,
) -> TicketDetail:
    sent = {"ticket": ticket, "wait_s": wait_s}
    read = desk.get_ticket(visitor, Arguments(GetTicket, sent, {"project": project}))
    return await (while_connected(request, read) if wait_s else read)


@router.post(
    "/{ticketId}/trigger-bot-build",
    summary="Trigger bot build phase for a ticket",
    responses=ticket_writes(404),
    openapi_extra=json_body(TriggerBotBuild, without={"ticket", "project", "idempotency_key"}),
)
async def trigger_bot_build(
    project: ProjectId,
    ticket: TicketId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> TriggeredTicket:
    fixed = {"ticket": ticket, "project": project, "idempotency_key": key}
    triggered = await desk.trigger_bot_build(visitor, Arguments(TriggerBotBuild, body, fixed))
    tell_in_headers(response, triggered)
    return TriggeredTicket(ticket=triggered.ticket)
