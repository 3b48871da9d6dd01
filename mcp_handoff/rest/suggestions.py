"""/projects/{id}/ai-suggestions: list, make, act.

Seed page: "Execute or decline an AI suggestion".
"""

from typing import Annotated

from fastapi import APIRouter, Query

from mcp_handoff.rest.backends import Desk
from mcp_handoff.rest.callers import ByToken
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.parameters import Cursor, Key, ProjectId, SuggestionId
from mcp_handoff.rest.requests import made
from mcp_handoff.rest.rows import ActionBody, SuggestionBody
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    ListSuggestions,
    StatusFilter,
    SuggestClose,
    SuggestedClose,
    SuggestionPage,
)

router = APIRouter(prefix="/projects/{id}/ai-suggestions", tags=["suggestions"])


@router.get("", summary="List AI suggestions", responses=ticket_reads(400, 404))
async def list_suggestions(
    project: ProjectId,
    desk: Desk,
    caller: ByToken,
    status: StatusFilter = "any",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Cursor = None,
) -> SuggestionPage:
    request = made(ListSuggestions, project=project, status=status, limit=limit, cursor=cursor)
    return await desk.list_suggestions(caller, request)


@router.post("", status_code=201, summary="Suggest closing a ticket", responses=ticket_writes(404))
async def suggest_close(
    project: ProjectId,
    body: SuggestionBody,
    desk: Desk,
    caller: ByToken,
    idempotency_key: Key = None,
) -> SuggestedClose:
    content = body.model_dump(exclude={"ticket_id"})
    request = made(
        SuggestClose,
        ticket=body.ticket_id,
        project=project,
        idempotency_key=idempotency_key,
        **content,
    )
    return await desk.suggest_close(caller, request)


@router.post(
    "/{suggestionId}/action",
    summary="Execute or decline an AI suggestion",
    responses=ticket_writes(404, 409),
)
async def act_on_suggestion(
    project: ProjectId,
    suggestion: SuggestionId,
    body: ActionBody,
    desk: Desk,
    caller: ByToken,
) -> ActedSuggestion:
    request = made(
        ActOnSuggestion,
        suggestion_id=suggestion,
        action=body.action,
        reason=body.reason,
        project=project,
    )
    return await desk.act_on_suggestion(caller, request)
