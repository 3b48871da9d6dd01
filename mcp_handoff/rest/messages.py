"""/projects/{id}/tickets/{ticketId}/messages: read a ticket's thread, write into it.

The ticket API's documented page "Human posts a message to a ticket thread" (docs/rest.md).
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from mcp_handoff import messages
from mcp_handoff.messages import ListMessages, MessageKind
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.headers import tell_in_headers
from mcp_handoff.rest.parameters import Cursor, Key, ProjectId, TicketId, given
from mcp_handoff.schema import Timestamp
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/projects/{id}/tickets/{ticketId}/messages", tags=["messages"])

AuthorType = Literal["human", "agent"]


class AddMessage(messages.AddMessage):
    """A message to a ticket's thread. Both formats are kept as they are."""

    body_format: Literal["markdown", "plain"] = Field(default="markdown", exclude=True)


class MessageRow(BaseModel):
    """A message as the ticket API shows it, with what ours knows beside."""

    id: str
    author_type: AuthorType
    author_id: str | None
    body: str
    created_at: Timestamp
    kind: MessageKind
    to_role: str | None
    answers: str | None
    waits: bool
    actor_role: str
    actor_id: str | None
    principal_id: str | None
    principal_name: str | None


class AddedRow(BaseModel):
    """The message that was written."""

    message: MessageRow
    ticket: str
    parked: bool
    answered: str | None
    masked: list[str] | None


class MessageRows(BaseModel):
    """A page of a ticket's thread, oldest first."""

    messages: list[MessageRow]
    next_cursor: str | None


@router.get("", summary="List a ticket's messages", responses=ticket_reads(400, 404))
async def list_messages(
    project: ProjectId,
    ticket: TicketId,
    desk: DeskDep,
    visitor: VisitorDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Cursor = None,
) -> MessageRows:
    fixed = {"ticket": ticket, "project": project}
    arguments = Arguments(ListMessages, given(limit=limit, cursor=cursor), fixed)
    page = await desk.list_messages(visitor, arguments)
    return MessageRows(messages=list(map(_row, page.messages)), next_cursor=page.next_cursor)


@router.post(
    "",
    status_code=201,
    summary="Post a message to a ticket's thread",
    responses=ticket_writes(404),
    openapi_extra=json_body(AddMessage, without={"ticket", "project", "idempotency_key"}),
)
async def add_message(
    project: ProjectId,
    ticket: TicketId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> AddedRow:
    fixed = {"ticket": ticket, "project": project, "idempotency_key": key}
    added = await desk.add_message(visitor, Arguments(AddMessage, body, fixed))
    tell_in_headers(response, added)
    return AddedRow(
        message=_row(added.message),
        ticket=added.ticket,
        parked=added.parked,
        answered=added.answered,
        masked=added.masked,
    )


def _row(message: messages.Message) -> MessageRow:
    author_type: AuthorType = "agent" if message.actor_role == "bot" else "human"
    fields = {**message.model_dump(), "author_type": author_type, "author_id": message.actor_id}
    return MessageRow.model_validate(fields)
