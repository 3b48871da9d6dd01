"""The tools of suggestions."""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mcp_handoff import suggestions
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.answers import Answer, Line, Reader, Row, cut_json
from mcp_handoff.mcp.apps import SUGGESTIONS
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import moment, page_words, written
from mcp_handoff.proofs import Proof
from mcp_handoff.schema import WHOLE
from mcp_handoff.suggestions import (
    ActedSuggestion,
    Reason,
    StatusFilter,
    SuggestedClose,
    Suggestion,
    SuggestionPage,
)
from mcp_handoff.text.characters import listed

_WHERE = {
    "live": "is closed",
    "validation": "is in validation and waits for its testers (qa or test)",
}
"""Where a ticket is once its change is merged, by the stage that it then has."""


class ListSuggestions(suggestions.ListSuggestions):
    """List the proposals that wait, newest first, on short pages."""

    status: StatusFilter = "pending"
    limit: Annotated[int, Field(ge=1, le=200), WHOLE] = 20


class SuggestClose(suggestions.SuggestClose):
    """Propose to close a ticket, with something that can be checked."""

    @field_validator("evidence")
    @classmethod
    def _require_evidence(cls, evidence: dict[Any, Any]) -> dict[Any, Any]:
        if not evidence:
            why = "must say what can be checked, such as a commit, a pull request or test results"
            raise PydanticCustomError("evidence_required", "{why}", {"why": why})
        return evidence


class ActOnSuggestion(suggestions.ActOnSuggestion):
    """Carry out a proposal to close, or decline it and say why."""

    reason: Reason | None = Field(default=None, validate_default=True)

    @field_validator("reason")
    @classmethod
    def _require_reason(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if not reason and info.data.get("action") == "decline":
            why = "is required to decline: say what is missing or wrong, so that it can be mended"
            raise PydanticCustomError("reason_required", "{why}", {"why": why})
        return reason


class SuggestionRow(Row):
    """A proposal to close a ticket: who made it, on which grounds, and who settled it."""

    suggestion_id: str | None = None
    ticket: Line | None = None
    status: str
    confidence: float | None = None
    merge_sha: str | None = None
    pr_number: int | None = None
    repo: Line | None = None
    suggested_at: str | None = None
    suggested_by: Line | None = None
    settled_at: str | None = None
    settled_by: Line | None = None
    reason: Line | None = None
    proof: Line | None = None
    evidence: Any = None


class SuggestionsAnswer(Answer):
    """A page of proposals to close."""

    THEIRS = "suggestions"

    project: str | None = None
    next_cursor: str | None = None
    suggestions: list[SuggestionRow]


class SuggestedAnswer(Answer):
    """A proposal that was made, or the one that waited already."""

    THEIRS = "suggested_by"

    suggestion_id: str
    ticket: Line
    status: str
    proof: Line | None = None
    expires_at: str | None = None
    masked: list[str] | None = None
    suggested_by: Line | None = None


class ActedAnswer(Answer):
    """What became of a proposal, and of its ticket."""

    THEIRS = "reason"

    suggestion_id: str
    ticket: Line
    status: str
    proof: Line | None = None
    stage: str | None = None
    roles_marked_done: list[str] | None = None
    masked: list[str] | None = None
    reason: Line | None = None


def proof_words(proof: Proof | None) -> str | None:
    """Return what was seen of a suggestion's merge, and by whom: our words, in which others' are
    the name of a repository or a branch, without a space."""
    if proof is None:
        return None
    by = f" by {proof.by}" if proof.by else ""
    checks = "" if proof.checks == "none" else f"; its checks: {proof.checks}"
    return f"{proof.state}{by}: {proof.why}{checks}"


def suggestion_row(suggestion: Suggestion) -> SuggestionRow:
    """Return a suggestion as a row."""
    ticket = _ticket(suggestion)
    return SuggestionRow(
        suggestion_id=suggestion.id,
        ticket=ticket,
        status=suggestion.status,
        confidence=suggestion.confidence,
        merge_sha=suggestion.merge_sha,
        pr_number=suggestion.pr_number,
        repo=suggestion.repo,
        suggested_at=moment(suggestion.created_at),
        suggested_by=suggestion.suggested_by or suggestion.principal_name,
        settled_at=moment(suggestion.settled_at),
        settled_by=suggestion.settled_by,
        reason=suggestion.reason,
        proof=proof_words(suggestion.proof),
        evidence=cut_json(suggestion.evidence, f"handoff://tickets/{ticket}"),
    )


def row_at_its_ticket(suggestion: Suggestion) -> SuggestionRow:
    """Return a suggestion as a row among what else is told of its ticket: of one that is settled,
    with which nothing can be done any more, only what was proposed and what became of it."""
    unsaid = {"ticket"}
    if suggestion.proof and suggestion.proof.by is None:
        unsaid.add("proof")
    if suggestion.status not in ("pending", "processing"):
        unsaid |= {"suggestion_id", "confidence", "suggested_at", "suggested_by"}
    return suggestion_row(suggestion).model_copy(update=dict.fromkeys(unsaid))


def next_act(suggestion: Suggestion, reader: Reader) -> str:
    """Return the call that settles a suggestion."""
    project = reader.project_for(suggestion.ticket_reference)
    there = f" and project {project}" if project else ""
    return f"act_on_suggestion with suggestion_id {suggestion.id}{there}"


def _ticket(suggestion: Suggestion) -> str:
    return suggestion.ticket_reference or suggestion.ticket_id


def _tell_listed(result: SuggestionPage, reader: Reader) -> SuggestionsAnswer:
    rows = [suggestion_row(suggestion) for suggestion in result.suggestions]
    named = result.suggestions[0].ticket_reference if rows else None
    return SuggestionsAnswer(
        message=page_words(len(rows), "matching suggestion", result.next_cursor, result.matching),
        project=reader.project_for(named),
        next_cursor=result.next_cursor,
        suggestions=rows,
    )


def _tell_suggested(result: SuggestedClose, reader: Reader) -> SuggestedAnswer:
    suggestion = result.suggestion
    if result.deduplicated:
        done = f"It is suggested already to close {_ticket(suggestion)} for this change"
    else:
        done = f"Suggested to close {_ticket(suggestion)}"
    if suggestion.proof and suggestion.proof.state == "contradicted":
        rest = "it can't be executed, for a machine has seen otherwise: see proof."
    else:
        rest = (
            "the ticket stays as it is until somebody acts on it."
            f" Next, for whoever checks the evidence: {next_act(suggestion, reader)}."
        )
    sentence = f"{done}; {rest}"
    return SuggestedAnswer(
        message=written(result, sentence, result.masked),
        suggestion_id=suggestion.id,
        ticket=_ticket(suggestion),
        status=suggestion.status,
        expires_at=moment(suggestion.expires_at),
        masked=result.masked,
        suggested_by=suggestion.suggested_by if result.deduplicated else None,
        proof=proof_words(suggestion.proof if suggestion.proof and suggestion.proof.by else None),
    )


def _tell_acted(result: ActedSuggestion, reader: Reader) -> ActedAnswer:
    suggestion, applied = result.suggestion, result.apply_result
    ticket = _ticket(suggestion)
    match suggestion.status:
        case "executed" if applied is not None:
            done = listed(applied.roles_marked_done) or "no role"
            where = _WHERE.get(applied.new_stage, f"is in {applied.new_stage}")
            message = f"Executed: {ticket} {where}; {done} marked done."
        case "declined":
            message = f"Declined; {ticket} stays as it is."
        case "skipped":
            message = f"Skipped, nothing was changed on {ticket}: see reason."
        case status:
            message = f"The suggestion is {status}; get_ticket shows what became of {ticket}."
    return ActedAnswer(
        message=written(result, message, result.masked),
        suggestion_id=suggestion.id,
        ticket=ticket,
        status=suggestion.status,
        stage=applied.new_stage if applied else None,
        roles_marked_done=applied.roles_marked_done if applied else None,
        masked=result.masked,
        reason=suggestion.reason,
        proof=proof_words(suggestion.proof) if suggestion.status == "executed" else None,
    )


LIST_SUGGESTIONS = Tool(
    name="list_suggestions",
    title="List suggestions",
    description=(
        "List proposals that tickets be closed, newest first, with their evidence: pending"
        " (they wait for review or approval), executed, declined or expired."
    ),
    request=ListSuggestions,
    perform=Desk.list_suggestions,
    answer=SuggestionsAnswer,
    tell=_tell_listed,
    reads=True,
    app=SUGGESTIONS,
)

SUGGEST_CLOSE = Tool(
    name="suggest_close",
    title="Suggest a close",
    description=(
        "Propose to close a ticket that is done: its pull request (PR) or commit is merged, the"
        " fix landed on main. Needs evidence to check. Nothing changes until act_on_suggestion"
        " executes it."
    ),
    request=SuggestClose,
    perform=Desk.suggest_close,
    answer=SuggestedAnswer,
    tell=_tell_suggested,
)

ACT_ON_SUGGESTION = Tool(
    name="act_on_suggestion",
    title="Settle a suggestion",
    description=(
        "Execute or decline a suggestion, for good, after checking its evidence. execute"
        " (accept, approve, apply) marks the implementation roles done and moves the ticket to"
        " validation, or closes it if no role is left; decline (reject) needs a reason."
    ),
    request=ActOnSuggestion,
    perform=Desk.act_on_suggestion,
    answer=ActedAnswer,
    tell=_tell_acted,
    destructive=True,
)
