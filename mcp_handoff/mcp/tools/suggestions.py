"""The tools of suggestions."""

from typing import Annotated

from pydantic import Field

from mcp_handoff import suggestions
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import compact_json, masking, page_of
from mcp_handoff.schema import WHOLE
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    StatusFilter,
    SuggestClose,
    SuggestedClose,
    Suggestion,
    SuggestionPage,
)
from mcp_handoff.text import shortened


class ListSuggestions(suggestions.ListSuggestions):
    """List the proposals that wait, newest first, on short pages."""

    status: StatusFilter = "pending"
    limit: Annotated[int, Field(ge=1, le=200), WHOLE] = 20


def describe_suggestion(suggestion: Suggestion) -> str:
    """Return a suggestion as one line, with the beginning of its evidence."""
    return (
        f"suggestion {suggestion.id} [{suggestion.status}] to close"
        f" {_ticket(suggestion)} ({suggestion.ticket_title}):"
        f" {shortened(compact_json(suggestion.evidence), 300)}"
    )


def _describe_listed(result: SuggestionPage) -> str:
    if not result.suggestions:
        return "No suggestions match."
    return page_of(map(describe_suggestion, result.suggestions), result.next_cursor)


def _describe_suggested(result: SuggestedClose) -> str:
    suggestion = result.suggestion
    return (
        f"Suggested to close {_ticket(suggestion)}; pending until"
        f" {suggestion.expires_at}.{masking(result.masked)}"
        f" Next: act_on_suggestion with suggestion_id {suggestion.id}."
    )


def _describe_acted(result: ActedSuggestion) -> str:
    suggestion, applied = result.suggestion, result.apply_result
    if applied is not None:
        done = ", ".join(applied.roles_marked_done) or "no role"
        return (
            f"Executed: {_ticket(suggestion)} is in {applied.new_stage}; {done} marked done."
            f"{masking(result.masked)}"
        )
    if suggestion.status == "skipped":
        return f"Skipped, nothing was changed: {suggestion.reason}"
    if suggestion.status == "declined":
        return f"Declined; {_ticket(suggestion)} stays as it is."
    return f"The suggestion is {suggestion.status}; get_ticket shows what became of the ticket."


def _ticket(suggestion: Suggestion) -> str:
    return suggestion.ticket_reference or f"ticket {suggestion.ticket_id}"


LIST_SUGGESTIONS = Tool(
    name="list_suggestions",
    title="List closing suggestions",
    description="List proposals to close tickets, newest first.",
    request=ListSuggestions,
    result=SuggestionPage,
    perform=Desk.list_suggestions,
    describe=_describe_listed,
    holds_others_words=True,
    reads=True,
)

SUGGEST_CLOSE = Tool(
    name="suggest_close",
    title="Suggest closing a ticket",
    description=(
        "Propose to close a ticket whose work is merged, with evidence that can be checked."
        " The ticket is not changed until someone executes the suggestion."
    ),
    request=SuggestClose,
    result=SuggestedClose,
    perform=Desk.suggest_close,
    describe=_describe_suggested,
    holds_others_words=True,
)

ACT_ON_SUGGESTION = Tool(
    name="act_on_suggestion",
    title="Execute or decline a suggestion",
    description=(
        "execute marks the implementation roles done and moves the ticket to validation, or"
        " closes it when no role is left open; decline leaves it as it is. Once only, final."
    ),
    request=ActOnSuggestion,
    result=ActedSuggestion,
    perform=Desk.act_on_suggestion,
    describe=_describe_acted,
    holds_others_words=True,
    destructive=True,
)
