"""Proposals to close: made, listed, carried out or declined."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mcp_handoff.actors import Caller, system
from mcp_handoff.errors import NotFound
from mcp_handoff.events import EventKind
from mcp_handoff.ids import new_id
from mcp_handoff.masking import masked_fields
from mcp_handoff.references import reference
from mcp_handoff.store import cursors, history, idempotency, projects
from mcp_handoff.store.lookup import look_up_named, look_up_ticket
from mcp_handoff.store.pages import cut, size_of, whole
from mcp_handoff.store.ticket_rows import roles_of
from mcp_handoff.store.transaction import (
    Row,
    Transaction,
    decode_json,
    encode_json,
    insert,
    placeholders,
    timestamp,
)
from mcp_handoff.suggestions import (
    LIFETIME_DAYS,
    ActedSuggestion,
    ActOnSuggestion,
    ApplyResult,
    ListSuggestions,
    SuggestClose,
    SuggestedClose,
    Suggestion,
    SuggestionPage,
    SuggestionStatus,
    require_pending,
    stale_reason,
)
from mcp_handoff.tickets import MERGED, merge

EXPIRY_BATCH = 100
"""The most suggestions that one transaction marks as expired."""

_CLOCK = system("expiry")
_DUE = "s.status = 'pending' AND s.expires_at <= :now"
_EXPIRED = f"(s.status = 'expired' OR ({_DUE}))"
_SELECT = (
    "SELECT s.*, t.title AS ticket_title, t.number AS ticket_number, t.version, t.stage,"
    " p.slug AS project_slug,"
    f" CASE WHEN {_EXPIRED} THEN 'expired' ELSE s.status END AS status"
    " FROM suggestions s JOIN tickets t ON t.id = s.ticket_id"
    " JOIN projects p ON p.id = s.project_id"
)
_SIZE = size_of("s.evidence", "s.reason")
_BY_STATUS = {
    "any": "s.status IS NOT NULL",
    "expired": _EXPIRED,
    "pending": "s.status = 'pending' AND s.expires_at > :now",
}
_KINDS: Mapping[SuggestionStatus, EventKind] = {
    "executed": "suggestion.executed",
    "declined": "suggestion.declined",
    "skipped": "suggestion.skipped",
}


def list_suggestions(tx: Transaction, caller: Caller, request: ListSuggestions) -> SuggestionPage:
    """Return a page of a project's suggestions, newest first."""
    project = projects.find_named(tx, caller, request.project)
    scope = project["id"] if project else ""
    position = cursors.decode_number(request.cursor, request, scope)
    if project is None:
        return SuggestionPage(total=0, suggestions=[])
    by_status = _BY_STATUS.get(request.status, "s.status = :status")
    after = "AND s.seq < :position" if position is not None else ""
    rows = tx.fetch_all(
        f"SELECT s.id, s.seq, {_SIZE} FROM suggestions s"
        f" WHERE s.project_id = :project_id AND {by_status} {after}"
        " ORDER BY s.seq DESC LIMIT :rows",
        project_id=project["id"],
        status=request.status,
        position=position,
        rows=request.limit + 1,
        now=timestamp(tx.now),
    )
    page = cut(rows, request.limit)
    more = len(page) < len(rows)
    found = whole(tx, _SELECT, "s", page, now=timestamp(tx.now))
    return SuggestionPage(
        total=len(page),
        suggestions=[_suggestion(row) for row in found],
        next_cursor=cursors.encode(page[-1]["seq"], request, scope) if more else None,
    )


@idempotency.once(SuggestedClose, access=look_up_named)
def suggest_close(tx: Transaction, caller: Caller, request: SuggestClose) -> SuggestedClose:
    """Propose to close a ticket; the ticket itself is not touched."""
    found = look_up_ticket(tx, caller, request.ticket, request.project)
    texts, masked = masked_fields({"evidence": request.evidence})
    row = {
        "id": new_id(),
        "run_id": new_id(),
        "project_id": found.project["id"],
        "ticket_id": found.ticket["id"],
        "ticket_version": found.ticket["version"],
        "suggestion_type": "close_suggestion",
        "confidence": request.confidence,
        "evidence": encode_json(texts["evidence"]),
        "suggested_action": "close",
        "status": "pending",
        "source": caller.actor.source,
        **caller.principal.as_json(),
        "merge_sha": request.merge_sha,
        "pr_number": request.pr_number,
        "repo": request.repo,
        "created_at": timestamp(tx.now),
        "expires_at": timestamp(tx.now + timedelta(days=LIFETIME_DAYS)),
    }
    insert(tx, "suggestions", row)
    of_ticket = {
        "ticket_title": found.ticket["title"],
        "ticket_number": found.ticket["number"],
        "project_slug": found.slug,
    }
    made = {**row, **of_ticket}
    _add_event(tx, caller, "suggestion.created", made, after={"status": "pending"})
    return SuggestedClose(suggestion=_suggestion(made), masked=masked)


def _require_locked(tx: Transaction, caller: Caller, request: ActOnSuggestion) -> Row:
    """Return a suggestion with its ticket's columns; nobody else changes either of them until the
    transaction ends."""
    project = projects.find_named(tx, caller, request.project)
    row = tx.fetch_one_locked(
        f"{_SELECT} WHERE s.id = :id AND s.project_id = :project_id",
        "s",
        "t",
        id=request.suggestion_id,
        project_id=project["id"] if project else "",
        now=timestamp(tx.now),
    )
    if row is None:
        why = "names no suggestion in this project"
        raise NotFound.at("suggestion_id", why, "list_suggestions shows those there are")
    return row


@idempotency.once(ActedSuggestion, access=_require_locked)
def act_on_suggestion(tx: Transaction, caller: Caller, request: ActOnSuggestion) -> ActedSuggestion:
    """Carry out a pending suggestion or decline it; of many callers one wins."""
    row = _require_locked(tx, caller, request)
    require_pending(row["status"])
    texts, masked = masked_fields({"reason": request.reason})
    reason: str | None = texts["reason"]
    before, applied = {"status": "pending"}, None
    status: SuggestionStatus = "declined"
    if request.action == "execute":
        if stale := stale_reason(row["ticket_version"], row["version"]):
            status, reason = "skipped", stale
        else:
            status, applied = "executed", _merge(tx, row)
            before["stage"] = row["stage"]
    ended = tx.fetch_one(
        "UPDATE suggestions SET status = :status, reason = :reason"
        " WHERE id = :id AND status = 'pending' RETURNING id",
        status=status,
        reason=reason,
        id=row["id"],
    )
    assert ended, "the row is locked, and was pending"
    after: dict[str, Any] = {"status": status, **({"reason": reason} if reason else {})}
    after |= applied.model_dump() if applied else {}
    _add_event(tx, caller, _KINDS[status], row, before=before, after=after)
    acted = _suggestion({**row, "status": status, "reason": reason})
    return ActedSuggestion(suggestion=acted, apply_result=applied, masked=masked)


def is_expiry_due(tx: Transaction) -> bool:
    """Tell whether the time of a pending suggestion is over."""
    due = f"SELECT 1 FROM suggestions s WHERE {_DUE} ORDER BY s.expires_at LIMIT 1"
    return tx.fetch_one(due, now=timestamp(tx.now)) is not None


def expire_suggestions(tx: Transaction) -> None:
    """Mark pending suggestions whose time is over, each with an event: EXPIRY_BATCH at most, and
    first those that are over for longest."""
    due = tx.fetch_all(
        "SELECT s.id, s.project_id, s.ticket_id, t.number AS ticket_number, p.slug AS project_slug"
        " FROM suggestions s JOIN tickets t ON t.id = s.ticket_id"
        f" JOIN projects p ON p.id = s.project_id WHERE {_DUE}"
        f" ORDER BY s.expires_at LIMIT {EXPIRY_BATCH}",
        now=timestamp(tx.now),
    )
    if not due:
        return
    parameters, ids = placeholders("id", [row["id"] for row in due])
    expired = tx.fetch_all(
        "UPDATE suggestions SET status = 'expired'"
        f" WHERE id IN ({parameters}) AND status = 'pending' RETURNING id",
        **ids,
    )
    mine = {row["id"] for row in expired}
    for row in due:
        if row["id"] in mine:
            before, after = {"status": "pending"}, {"status": "expired"}
            _add_event(tx, _CLOCK, "suggestion.expired", row, before=before, after=after)


def of_ticket(tx: Transaction, ticket_id: str, limit: int) -> list[Suggestion]:
    """Return a ticket's newest suggestions, newest first."""
    rows = tx.fetch_all(
        f"{_SELECT} WHERE s.ticket_id = :ticket_id ORDER BY s.seq DESC LIMIT :limit",
        ticket_id=ticket_id,
        limit=limit,
        now=timestamp(tx.now),
    )
    return [_suggestion(row) for row in rows]


def _merge(tx: Transaction, row: Row) -> ApplyResult:
    """Do on a suggestion's ticket what the merge of its change does; one that is live already is
    left alone."""
    roles = {role.role: role.status for role in roles_of(tx, row["ticket_id"])}
    change = merge(roles, row["stage"])
    now = timestamp(tx.now)
    for role in change.roles_marked_done:
        tx.execute(
            "UPDATE ticket_roles SET status = 'done', updated_at = :now"
            " WHERE ticket_id = :ticket_id AND role = :role",
            now=now,
            ticket_id=row["ticket_id"],
            role=role,
        )
    if row["stage"] != "live":
        tx.execute(
            "UPDATE tickets SET merge_sha = COALESCE(:merge_sha, merge_sha), stage = :stage,"
            " status = :status, resolution_type = :resolution, resolved_at = :resolved,"
            " version = version + :closings, updated_at = :now WHERE id = :id",
            merge_sha=row["merge_sha"],
            stage=change.stage,
            status="closed" if change.closes else "open",
            resolution="completed" if change.closes else None,
            resolved=now if change.closes else None,
            closings=int(change.closes),
            now=now,
            id=row["ticket_id"],
        )
    return ApplyResult(
        merged=MERGED in change.roles_marked_done or roles.get(MERGED) == "done",
        new_stage=change.stage,
        roles_marked_done=change.roles_marked_done,
    )


def _add_event(
    tx: Transaction,
    caller: Caller,
    kind: EventKind,
    row: Row,
    *,
    before: Row | None = None,
    after: Row,
) -> None:
    history.add_event(
        tx,
        caller,
        kind,
        subject_id=row["id"],
        project_id=row["project_id"],
        ticket_id=row["ticket_id"],
        reference=reference(row["ticket_number"], row["project_slug"]),
        before=before,
        after=after,
    )


def _suggestion(row: Row) -> Suggestion:
    return Suggestion.model_validate(
        {
            **row,
            "ticket_reference": reference(row["ticket_number"], row["project_slug"]),
            "evidence": decode_json(row["evidence"]),
        }
    )
