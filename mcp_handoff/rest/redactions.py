"""/projects/{id}/tickets/{ticketId}/redact: take a text out of a ticket, for admins."""

from fastapi import APIRouter, Response

from mcp_handoff.redactions import RedactedTicket, RedactTicket
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_writes
from mcp_handoff.rest.headers import tell_in_headers
from mcp_handoff.rest.parameters import Key, ProjectId, TicketId
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/projects/{id}/tickets/{ticketId}/redact", tags=["tickets"])


@router.post(
    "",
    summary="Take a text out of a ticket",
    responses=ticket_writes(404),
    openapi_extra=json_body(RedactTicket, without={"ticket", "project", "idempotency_key"}),
)
async def redact_ticket(
    project: ProjectId,
    ticket: TicketId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> RedactedTicket:
    fixed = {"ticket": ticket, "project": project, "idempotency_key": key}
    redacted = await desk.redact_ticket(visitor, Arguments(RedactTicket, body, fixed))
    tell_in_headers(response, redacted)
    return redacted
