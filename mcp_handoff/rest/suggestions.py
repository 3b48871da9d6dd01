"""/projects/{id}/ai-suggestions: list, make, act.

The ticket API's documented page "Execute or decline an AI suggestion" (docs/rest.md).
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from mcp_handoff import suggestions
from mcp_handoff.references import TicketName
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.headers import tell_in_headers
from mcp_handoff.rest.parameters import (
    Cursor,
    Key,
    ProjectId,
    SuggestionId,
    TicketQuery,
    given,
)
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    ListSuggestions,
    StatusFilter,
    SuggestedClose,
    SuggestionPage,
)
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/projects/{id}/ai-suggestions", tags=["suggestions"])


class SuggestClose(suggestions.SuggestClose):
    """A proposal to close a ticket."""

    ticket: TicketName = Field(validation_alias="ticket_id")


@router.get("", summary="List AI suggestions", responses=ticket_reads(400, 404))
async def list_suggestions(
    project: ProjectId,
    desk: DeskDep,
    visitor: VisitorDep,
    ticket: TicketQuery = None,
    status: StatusFilter = "any",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Cursor = None,
) -> SuggestionPage:
    sent = given(ticket=ticket, status=status, limit=limit, cursor=cursor)
    arguments = Arguments(ListSuggestions, sent, {"project": project})
    return await desk.list_suggestions(visitor, arguments)


@router.post(
    "",
    status_code=201,
    summary="Suggest closing a ticket",
    responses=ticket_writes(404),
    openapi_extra=json_body(SuggestClose, without={"project", "idempotency_key"}),
)
async def suggest_close(
    project: ProjectId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> SuggestedClose:
    fixed = {"project": project, "idempotency_key": key}
    suggested = await desk.suggest_close(visitor, Arguments(SuggestClose, body, fixed))
    tell_in_headers(response, suggested)
    return suggested


@router.post(
    "/{suggestionId}/action",
    summary="Execute or decline an AI suggestion",
    responses=ticket_writes(404, 409),
    openapi_extra=json_body(
        ActOnSuggestion, without={"suggestion_id", "project", "idempotency_key"}
    ),
)
async def act_on_suggestion(
    project: ProjectId,
    suggestion: SuggestionId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> ActedSuggestion:
    fixed = {"suggestion_id": suggestion, "project": project, "idempotency_key": key}
    acted = await desk.act_on_suggestion(visitor, Arguments(ActOnSuggestion, body, fixed))
    tell_in_headers(response, acted)
    return acted
