"""Suggestions over an API."""

from collections.abc import Mapping

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound, Unsupported
from mcp_handoff.events import Change, EventKind
from mcp_handoff.references import parse_name
from mcp_handoff.remote.api import Api, sent_key
from mcp_handoff.remote.paths import suggestions_path
from mcp_handoff.remote.responses import as_object, parse_response
from mcp_handoff.remote.tickets import project_of
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    ApplyResult,
    ListSuggestions,
    SuggestClose,
    SuggestedClose,
    SuggestionPage,
)
from mcp_handoff.text.masking import masked_fields

_EVENT_BY_STATUS: Mapping[str, EventKind] = {
    "declined": "suggestion.declined",
    "skipped": "suggestion.skipped",
}


async def list_suggestions(api: Api, caller: Caller, request: ListSuggestions) -> SuggestionPage:
    """List a project's proposals to close; an API that is no mcp-handoff lists those of all its
    tickets, of which those of the one that is asked for are taken."""
    query = {
        "ticket": request.ticket,
        "status": None if request.status == "any" else request.status,
        "limit": request.limit,
        "cursor": request.cursor,
    }
    path = suggestions_path(project_of(request, caller))
    response = await api.tickets.send("GET", path, query=query)
    page = parse_response(SuggestionPage, response, wrote=False)
    if request.ticket is None or api.tickets.is_ours:
        return page
    name = parse_name(request.ticket)
    mine = [
        one
        for one in page.suggestions
        if name.id == one.ticket_id or (name.number and name.number == one.ticket_number)
    ]
    return page.model_copy(update={"suggestions": mine, "total": len(mine)})


async def suggest_close(api: Api, caller: Caller, request: SuggestClose) -> SuggestedClose:
    """Propose to close a ticket. Raises Unsupported where the API takes no proposals."""
    given = request.model_dump(exclude={"ticket", "project", "idempotency_key"}, exclude_none=True)
    content, masked = masked_fields(given)
    body = {"ticket_id": request.ticket, **content}
    path = suggestions_path(project_of(request, caller))
    key = sent_key(caller, request.idempotency_key)
    try:
        response = await api.tickets.send("POST", path, body=body, key=key)
    except (NotFound, Unsupported):
        if api.tickets.is_ours:
            raise
        raise Unsupported(
            f"The API at {api.tickets.address} takes no suggestions (POST …/ai-suggestions)."
        ) from None
    suggested = parse_response(SuggestedClose, response, wrote=True, masked=masked)
    made = suggested.suggestion
    api.feed.publish([Change("suggestion.created", made.ticket_id, made.ticket_reference)])
    return suggested


async def act_on_suggestion(api: Api, caller: Caller, request: ActOnSuggestion) -> ActedSuggestion:
    """Execute or decline a proposal."""
    given = request.model_dump(include={"action", "reason"}, exclude_none=True)
    body, masked = masked_fields(given)
    path = suggestions_path(request.project or caller.project)
    path = f"{path}/{request.suggestion_id}/action"
    key = sent_key(caller, request.idempotency_key)
    response = await api.tickets.send("POST", path, body=body, key=key)
    # What executing changed is only kept where the API returns all of it.
    applied = as_object(response.get("apply_result"))
    is_whole = applied.keys() >= ApplyResult.model_fields.keys()
    fields = {**response, "apply_result": applied if is_whole else None}
    acted = parse_response(ActedSuggestion, fields, wrote=True, masked=masked)
    now = acted.suggestion
    kind = _EVENT_BY_STATUS.get(now.status, "suggestion.executed")
    api.feed.publish([Change(kind, now.ticket_id, now.ticket_reference)])
    return acted
