"""/projects/{id}/ai-suggestions: list, make, act.

Seed page: "Execute or decline an AI suggestion".
"""

from typing import Annotated

from fastapi import APIRouter, Query

from mcp_handoff.rest.backends import Desk
from mcp_handoff.rest.bodies import ActionBody, SuggestionBody
from mcp_handoff.rest.callers import ByToken
from mcp_handoff.rest.envelopes import TICKET_RESPONSES, TicketError
from mcp_handoff.rest.headers import Key
from mcp_handoff.rest.requests import made
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    ListSuggestions,
    StatusFilter,
    SuggestClose,
    SuggestedClose,
    SuggestionPage,
)

router = APIRouter(
    prefix="/projects/{id}/ai-suggestions", tags=["suggestions"], responses=TICKET_RESPONSES
)


@router.get("", summary="List AI suggestions")
async def list_suggestions(
    id: str,  # noqa: A002 - the seed's name
    desk: Desk,
    caller: ByToken,
    status: StatusFilter = "any",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> SuggestionPage:
    request = made(ListSuggestions, project=id, status=status, limit=limit, cursor=cursor)
    return await desk.list_suggestions(caller, request)


@router.post("", status_code=201, summary="Suggest closing a ticket")
async def suggest_close(
    id: str,  # noqa: A002 - the seed's name
    body: SuggestionBody,
    desk: Desk,
    caller: ByToken,
    idempotency_key: Key = None,
) -> SuggestedClose:
    content = body.model_dump(exclude={"ticket_id"})
    request = made(
        SuggestClose, ticket=body.ticket_id, project=id, idempotency_key=idempotency_key, **content
    )
    return await desk.suggest_close(caller, request)


@router.post(
    "/{suggestionId}/action",
    summary="Execute or decline an AI suggestion",
    responses={409: {"model": TicketError}},
)
async def act_on_suggestion(
    id: str,  # noqa: A002 - the seed's name
    suggestionId: str,  # noqa: N803 - the seed's name
    body: ActionBody,
    desk: Desk,
    caller: ByToken,
) -> ActedSuggestion:
    request = made(
        ActOnSuggestion,
        suggestion_id=suggestionId,
        action=body.action,
        reason=body.reason,
        project=id,
    )
    return await desk.act_on_suggestion(caller, request)
