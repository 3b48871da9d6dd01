"""Proposals to close: made, listed, carried out or declined."""

import json
from datetime import timedelta
from typing import Any

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.errors import NotFound
from mcp_handoff.events import EventKind
from mcp_handoff.ids import new_id
from mcp_handoff.masking import masked_fields
from mcp_handoff.references import reference
from mcp_handoff.store import cursors, history, idempotency, projects
from mcp_handoff.store.locating import locate
from mcp_handoff.store.ticket_rows import roles_of
from mcp_handoff.store.transaction import Row, Transaction, insert, timestamp
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
from mcp_handoff.tickets import MERGED, Merge, merge

_CLOCK = Actor(role="bot", source="system", id="expiry")
_EXPIRED = "(s.status = 'expired' OR (s.status = 'pending' AND s.expires_at <= :now))"
_SELECT = (
    "SELECT s.*, t.title AS ticket_title, t.number AS ticket_number, t.version, t.stage,"
    " p.slug AS project_slug,"
    f" CASE WHEN {_EXPIRED} THEN 'expired' ELSE s.status END AS status"
    " FROM suggestions s JOIN tickets t ON t.id = s.ticket_id"
    " JOIN projects p ON p.id = s.project_id"
)
_BY_STATUS = {
    "any": "s.status IS NOT NULL",
    "expired": _EXPIRED,
    "pending": "s.status = 'pending' AND s.expires_at > :now",
}


def list_suggestions(tx: Transaction, caller: Caller, request: ListSuggestions) -> SuggestionPage:
    """Return a page of a project's suggestions, newest first."""
    position = cursors.decode(request, request.cursor)
    project = projects.find_named(tx, caller, request.project)
    rows = _page(tx, project["id"], request, position) if project else []
    more = len(rows) > request.limit
    rows = rows[: request.limit]
    return SuggestionPage(
        total=len(rows),
        suggestions=[_suggestion(row) for row in rows],
        next_cursor=cursors.encode(request, rows[-1]["seq"]) if more else None,
    )


def suggest_close(tx: Transaction, caller: Caller, request: SuggestClose) -> SuggestedClose:
    """Propose to close a ticket; the ticket itself is not touched."""
    expire_due(tx)
    return idempotency.once(
        tx, caller, request, SuggestedClose, lambda: _suggest(tx, caller, request)
    )


def act_on_suggestion(tx: Transaction, caller: Caller, request: ActOnSuggestion) -> ActedSuggestion:
    """Carry out a pending suggestion or decline it; of many callers one wins."""
    tx.hold("tickets", _require(tx, caller, request)["ticket_id"])
    row = _require(tx, caller, request)
    require_pending(row["status"])
    _claim(tx, row)
    texts, masked = masked_fields({"reason": request.reason})
    reason = texts["reason"]
    if request.action == "decline":
        _settle(tx, caller, row, "declined", reason)
        applied = None
    elif stale := stale_reason(row["ticket_version"], row["version"]):
        _settle(tx, caller, row, "skipped", stale)
        applied = None
    else:
        applied = _apply(tx, caller, row, reason)
    return ActedSuggestion(suggestion=_read(tx, row["id"]), apply_result=applied, masked=masked)


def expire_due(tx: Transaction) -> None:
    """Mark the pending suggestions whose time is over, each with an event."""
    due = "s.status = 'pending' AND s.expires_at <= :now"
    for row in tx.all(f"{_SELECT} WHERE {due} ORDER BY s.seq", now=_now(tx)):
        if _take(tx, row):
            _settle(tx, Caller(_CLOCK), row, "expired", None)


def of_ticket(tx: Transaction, ticket_id: str, limit: int) -> list[Suggestion]:
    """Return a ticket's newest suggestions, newest first."""
    rows = tx.all(
        f"{_SELECT} WHERE s.ticket_id = :ticket_id ORDER BY s.seq DESC LIMIT :limit",
        ticket_id=ticket_id,
        limit=limit,
        now=_now(tx),
    )
    return [_suggestion(row) for row in rows]


def _page(
    tx: Transaction, project_id: str, request: ListSuggestions, position: int | None
) -> list[Row]:
    by_status = _BY_STATUS.get(request.status, "s.status = :status")
    after = "AND s.seq < :position" if position is not None else ""
    return tx.all(
        f"{_SELECT} WHERE s.project_id = :project_id AND {by_status} {after}"
        " ORDER BY s.seq DESC LIMIT :rows",
        project_id=project_id,
        status=request.status,
        position=position,
        rows=request.limit + 1,
        now=_now(tx),
    )


def _suggest(tx: Transaction, caller: Caller, request: SuggestClose) -> SuggestedClose:
    found = locate(tx, caller, request.ticket, request.project)
    texts, masked = masked_fields({"evidence": request.evidence})
    row: dict[str, Any] = {
        "id": new_id(),
        "run_id": new_id(),
        "project_id": found.project["id"],
        "ticket_id": found.ticket["id"],
        "ticket_version": found.ticket["version"],
        "suggestion_type": "close_suggestion",
        "confidence": request.confidence,
        "evidence": json.dumps(texts["evidence"], ensure_ascii=False),
        "suggested_action": "close",
        "status": "pending",
        "source": caller.actor.source,
        "merge_sha": request.merge_sha,
        "pr_number": request.pr_number,
        "repo": request.repo,
        "created_at": _now(tx),
        "expires_at": timestamp(tx.now + timedelta(days=LIFETIME_DAYS)),
    }
    insert(tx, "suggestions", row)
    _remember(tx, caller, row, "suggestion.created", before=None, after={"status": "pending"})
    return SuggestedClose(suggestion=_read(tx, row["id"]), masked=masked)


def _require(tx: Transaction, caller: Caller, request: ActOnSuggestion) -> Row:
    project = projects.find_named(tx, caller, request.project)
    row = tx.one(
        f"{_SELECT} WHERE s.id = :id AND s.project_id = :project_id",
        id=request.suggestion_id,
        project_id=project["id"] if project else "",
        now=_now(tx),
    )
    if row is None:
        why = "names no suggestion in this project"
        raise NotFound.at("suggestion_id", why, "list_suggestions shows those there are")
    return row


def _claim(tx: Transaction, row: Row) -> None:
    if not _take(tx, row):
        require_pending(_read(tx, row["id"]).status)


def _take(tx: Transaction, row: Row) -> bool:
    """Take a pending suggestion out of everyone's reach; False when another did."""
    taken = tx.one(
        "UPDATE suggestions SET status = 'processing' WHERE id = :id AND status = 'pending'"
        " RETURNING id",
        id=row["id"],
    )
    return taken is not None


def _apply(tx: Transaction, caller: Caller, row: Row, reason: str | None) -> ApplyResult:
    roles = {role.role: role.status for role in roles_of(tx, row["ticket_id"])}
    change = merge(roles, row["stage"])
    _mark_done(tx, row["ticket_id"], change.roles_marked_done)
    if row["stage"] != "live":
        _move(tx, row, change)
    applied = ApplyResult(
        merged=MERGED in change.roles_marked_done or roles.get(MERGED) == "done",
        new_stage=change.stage,
        roles_marked_done=change.roles_marked_done,
    )
    _settle(tx, caller, row, "executed", reason, before=row["stage"], applied=applied)
    return applied


def _mark_done(tx: Transaction, ticket_id: str, roles: list[str]) -> None:
    for role in roles:
        tx.run(
            "UPDATE ticket_roles SET status = 'done', updated_at = :now"
            " WHERE ticket_id = :ticket_id AND role = :role",
            now=_now(tx),
            ticket_id=ticket_id,
            role=role,
        )


def _move(tx: Transaction, row: Row, change: Merge) -> None:
    closing = change.stage == "live"
    tx.run(
        "UPDATE tickets SET merge_sha = COALESCE(:merge_sha, merge_sha), stage = :stage,"
        " status = :status, resolution_type = :resolution, resolved_at = :resolved,"
        " version = version + :closings, updated_at = :now WHERE id = :id",
        merge_sha=row["merge_sha"],
        stage=change.stage,
        status="closed" if closing else "open",
        resolution="completed" if closing else None,
        resolved=_now(tx) if closing else None,
        closings=int(closing),
        now=_now(tx),
        id=row["ticket_id"],
    )


def _settle(
    tx: Transaction,
    caller: Caller,
    row: Row,
    status: SuggestionStatus,
    reason: str | None,
    *,
    before: str | None = None,
    applied: ApplyResult | None = None,
) -> None:
    tx.run(
        "UPDATE suggestions SET status = :status, reason = :reason WHERE id = :id",
        status=status,
        reason=reason,
        id=row["id"],
    )
    kinds: dict[str, EventKind] = {
        "executed": "suggestion.executed",
        "declined": "suggestion.declined",
        "skipped": "suggestion.skipped",
        "expired": "suggestion.expired",
    }
    _remember(
        tx,
        caller,
        row,
        kinds[status],
        before={"status": "pending", **({"stage": before} if before else {})},
        after={
            "status": status,
            **({"reason": reason} if reason else {}),
            **(applied.model_dump() if applied else {}),
        },
    )


def _remember(
    tx: Transaction,
    caller: Caller,
    row: Row,
    kind: EventKind,
    *,
    before: Row | None,
    after: Row,
) -> None:
    history.record(
        tx,
        caller.actor,
        kind,
        subject_id=row["id"],
        project_id=row["project_id"],
        ticket_id=row["ticket_id"],
        before=before,
        after=after,
    )


def _read(tx: Transaction, suggestion_id: str) -> Suggestion:
    row = tx.one(f"{_SELECT} WHERE s.id = :id", id=suggestion_id, now=_now(tx))
    assert row is not None, "the suggestion was written in this transaction"
    return _suggestion(row)


def _suggestion(row: Row) -> Suggestion:
    return Suggestion.model_validate(
        {
            **row,
            "ticket_reference": reference(row["ticket_number"], row["project_slug"]),
            "evidence": json.loads(row["evidence"]),
        }
    )


def _now(tx: Transaction) -> str:
    return timestamp(tx.now)
