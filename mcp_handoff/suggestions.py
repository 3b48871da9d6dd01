"""Suggestions: proposals to close a ticket, and what becomes of them.

Shapes: the ticket API's documented page "Execute or decline an AI suggestion" (docs/rest.md).
"""

from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, StringConstraints

from mcp_handoff.actors import Caller
from mcp_handoff.errors import SuggestionNotPending
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName
from mcp_handoff.schema import (
    STORABLE,
    WHOLE,
    Cursor,
    IdempotencyKey,
    JsonObject,
    Record,
    Repo,
    Request,
    Timestamp,
    Uuid,
)

SuggestionStatus = Literal["pending", "processing", "executed", "declined", "expired", "skipped"]
StatusFilter = Literal["pending", "processing", "executed", "declined", "expired", "skipped", "any"]
Action = Literal["execute", "decline"]

LIFETIME_DAYS = 14
"""How long a suggestion waits before it expires."""

Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{7,64}$", to_lower=True), STORABLE]
"""A commit's hash, whole or abbreviated."""

PullRequest = Annotated[int, Field(ge=1, le=2**31 - 1), WHOLE]
"""A pull request's number."""


class Suggestion(Record):
    """A proposal to close a ticket, as both APIs return it."""

    id: str
    run_id: str
    ticket_id: str
    ticket_title: str | None
    ticket_number: int | None
    ticket_reference: str | None = None
    suggestion_type: Literal["auto_close", "close_suggestion"]
    confidence: float | None
    evidence: Any
    suggested_action: str | None
    status: SuggestionStatus
    source: str | None = None
    principal_id: str | None = None
    principal_name: str | None = None
    merge_sha: str | None = None
    pr_number: int | None = None
    repo: str | None = None
    created_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    reason: str | None = None


class ApplyResult(Record):
    """What executing a suggestion changed on its ticket."""

    merged: bool
    new_stage: str
    roles_marked_done: list[str]


class ListSuggestions(Request):
    """List proposals to close tickets, newest first."""

    status: StatusFilter = "any"
    limit: Annotated[int, Field(ge=1, le=200), WHOLE] = 50
    cursor: Cursor | None = None
    project: ProjectName | None = None


class SuggestionPage(Record):
    """Suggestions; `total` counts those on this page."""

    total: int
    suggestions: list[Suggestion]
    next_cursor: str | None = None


class SuggestClose(Request):
    """Propose to close a ticket whose work is finished."""

    ticket: TicketName
    evidence: JsonObject
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    merge_sha: Sha | None = None
    pr_number: PullRequest | None = None
    repo: Repo | None = None
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class SuggestedClose(Record):
    """The proposal that was made."""

    suggestion: Suggestion
    masked: list[str] | None = None


class ActOnSuggestion(Request):
    """Carry out a proposal to close, or decline it."""

    suggestion_id: Uuid
    action: Action
    reason: Annotated[str, StringConstraints(max_length=2000), STORABLE] | None = None
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class ActedSuggestion(Record):
    """The suggestion as it now is, and what executing it changed."""

    suggestion: Suggestion
    apply_result: ApplyResult | None = None
    masked: list[str] | None = None


class SuggestionOperations(Protocol):
    """What a backend does with suggestions."""

    async def list_suggestions(self, caller: Caller, request: ListSuggestions, /) -> SuggestionPage:
        """List a project's proposals to close, newest first."""
        ...

    async def suggest_close(self, caller: Caller, request: SuggestClose, /) -> SuggestedClose:
        """Propose to close a ticket; it stays pending for LIFETIME_DAYS."""
        ...

    async def act_on_suggestion(
        self, caller: Caller, request: ActOnSuggestion, /
    ) -> ActedSuggestion:
        """Execute or decline a pending suggestion; of many callers one wins.

        A suggestion whose ticket was closed or reopened since comes back `skipped` with the
        reason. Raises SuggestionNotPending, with the state that it lost to.
        """
        ...


def require_pending(status: SuggestionStatus) -> None:
    """Refuse to act twice (SuggestionNotPending, with the state that it lost to)."""
    if status != "pending":
        raise SuggestionNotPending(
            f"This suggestion is {status}, no longer pending; nothing was changed.", state=status
        )


def stale_reason(suggested_version: int, version: int) -> str | None:
    """Say why a suggestion no longer fits its ticket, None when it does.

    A ticket's version counts its closings and reopenings.
    """
    if suggested_version == version:
        return None
    return "The ticket was closed or reopened after this was suggested; look at it again."
