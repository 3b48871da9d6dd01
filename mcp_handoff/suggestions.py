"""Suggestions: proposals to close a ticket, and what becomes of them.

Shapes: the ticket API's documented page "Execute or decline an AI suggestion" (docs/rest.md).
"""

from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, StringConstraints

from mcp_handoff.actors import Caller
from mcp_handoff.errors import SuggestionNotPending
from mcp_handoff.projects import ProjectName
from mcp_handoff.proofs import Proof
from mcp_handoff.references import TicketName
from mcp_handoff.schema import (
    STORABLE,
    WHOLE,
    Cursor,
    IdempotencyKey,
    JsonObject,
    Record,
    Replayable,
    Repo,
    Request,
    Timestamp,
    Uuid,
)
from mcp_handoff.text.characters import shortened, visible

SuggestionStatus = Literal["pending", "processing", "executed", "declined", "expired", "skipped"]
StatusFilter = Literal["pending", "processing", "executed", "declined", "expired", "skipped", "any"]
Action = Literal["execute", "decline"]

LIFETIME_DAYS = 14
"""How long a suggestion waits before it expires."""

SHORTEST_SHA = 7
"""How many digits an abbreviated hash has at least."""

SHA_PATTERN = rf"^[0-9a-fA-F]{{{SHORTEST_SHA},64}}$"

REASON_SHOWN = 200
"""How much of a reason is repeated to those who come too late."""

Sha = Annotated[str, StringConstraints(pattern=SHA_PATTERN, to_lower=True), STORABLE]
"""A commit's hash, whole or abbreviated."""

LAST_PULL_REQUEST = 2**31 - 1

PullRequest = Annotated[int, Field(ge=1, le=LAST_PULL_REQUEST), WHOLE]
"""A pull request's number."""


class ProposedChange(Protocol):
    """What a proposal says was merged."""

    @property
    def merge_sha(self) -> str | None: ...

    @property
    def pr_number(self) -> int | None: ...

    @property
    def repo(self) -> str | None: ...


class Suggestion(Record):
    """A proposal to close a ticket, as both APIs return it, with who made it, and once it is not
    pending any more with who settled it when, as far as that is known."""

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
    suggested_by: str | None = None
    proof: Proof | None = None
    settled_by: str | None = None
    settled_at: Timestamp | None = None


class ApplyResult(Record):
    """What executing a suggestion changed on its ticket."""

    merged: bool
    new_stage: str
    roles_marked_done: list[str]


class ListSuggestions(Request):
    """List proposals to close tickets, or one ticket, newest first."""

    ticket: TicketName | None = None
    status: StatusFilter = "any"
    limit: Annotated[int, Field(ge=1, le=200), WHOLE] = 50
    cursor: Cursor | None = None
    project: ProjectName | None = None


class SuggestionPage(Record):
    """Suggestions; `total` counts those on this page, `matching` all that match: COUNTED + 1 stands
    for more, None for not counted."""

    total: int
    suggestions: list[Suggestion]
    next_cursor: str | None = None
    matching: int | None = None


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


class SuggestedClose(Replayable):
    """The proposal that was made, or the pending one that this call repeats."""

    suggestion: Suggestion
    deduplicated: bool = False
    masked: list[str] | None = None


Reason = Annotated[str, StringConstraints(max_length=2000), STORABLE]
"""Why a suggestion was executed or declined."""


class ActOnSuggestion(Request):
    """Carry out a proposal to close, or decline it."""

    suggestion_id: Uuid
    action: Action
    reason: Reason | None = None
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class ActedSuggestion(Replayable):
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
        """Propose to close a ticket; it stays pending for LIFETIME_DAYS.

        While a proposal for the same change of that ticket is pending, whoever made it, that is
        returned, `deduplicated`. Raises TicketClosed.
        """
        ...

    async def act_on_suggestion(
        self, caller: Caller, request: ActOnSuggestion, /
    ) -> ActedSuggestion:
        """Execute or decline a pending suggestion; of many callers one wins.

        When this closes the ticket, what else was proposed to close it is skipped. A suggestion
        whose ticket was closed or reopened otherwise since comes back `skipped` with the reason.
        Raises SuggestionNotPending, with the state that it lost to; EvidenceContradicted,
        ProofRequired and Forbidden for one that may not be executed as it is.
        """
        ...


def is_same_change(one: ProposedChange, other: ProposedChange) -> bool:
    """Tell whether two proposals are for one change: for one commit, of which either may have
    abbreviated the hash, or for one pull request, unless they name different repositories."""
    if one.merge_sha and other.merge_sha:
        shorter, longer = sorted((one.merge_sha, other.merge_sha), key=len)
        if longer.startswith(shorter):
            return True
    if one.pr_number is None or one.pr_number != other.pr_number:
        return False
    repos = {repo.casefold() for repo in (one.repo, other.repo) if repo}
    return len(repos) < 2


def not_pending(suggestion: Suggestion) -> SuggestionNotPending:
    """Return the error of acting twice: the state that it lost to, and as far as that is known who
    won, when and why."""
    told = ""
    if suggestion.settled_at:
        told += f" at {suggestion.settled_at}"
    if suggestion.settled_by:
        told += f" by {suggestion.settled_by}"
    if suggestion.reason:
        reason = visible(suggestion.reason).replace('"', "'")
        told += f' with the reason "{shortened(reason, REASON_SHOWN)}"'
    settled = f" It was settled{told}." if told else ""
    return SuggestionNotPending(
        f"This suggestion is {suggestion.status}, no longer pending.{settled} Nothing was changed.",
        state=suggestion.status,
    )


def overtaken(name: str, suggestion_id: str) -> str:
    """Say why a suggestion is skipped when another one closes its ticket."""
    return f"{name} was closed by suggestion {suggestion_id}."


def stale_reason(suggested_version: int, version: int) -> str | None:
    """Say why a suggestion no longer fits its ticket, None when it does.

    A ticket's version counts its closings and reopenings.
    """
    if suggested_version == version:
        return None
    return "The ticket was closed or reopened after this was suggested; look at it again."
