"""Proposals to close: made, carried out or declined, and over with time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Literal

from mcp_handoff.actors import Caller, system
from mcp_handoff.errors import NotFound
from mcp_handoff.events import EventKind
from mcp_handoff.ids import new_id
from mcp_handoff.proofs import Proof, objection, require_other
from mcp_handoff.references import reference
from mcp_handoff.schema import timestamp
from mcp_handoff.store import history, idempotency, projects, takes
from mcp_handoff.store.lookup import FoundTicket, look_up_named, look_up_ticket, require_open
from mcp_handoff.store.proofs import policy_of, proof_of
from mcp_handoff.store.standings import move, standing_of
from mcp_handoff.store.suggestion_rows import (
    BY_STATUS,
    DUE,
    SELECT,
    read_settled,
    suggestion_of,
)
from mcp_handoff.store.transaction import (
    Row,
    Transaction,
    decode_json,
    encode_json,
    insert,
    placeholders,
)
from mcp_handoff.suggestions import (
    LIFETIME_DAYS,
    SHORTEST_SHA,
    ActedSuggestion,
    ActOnSuggestion,
    ApplyResult,
    SuggestClose,
    SuggestedClose,
    Suggestion,
    SuggestionStatus,
    is_same_change,
    not_pending,
    overtaken,
    stale_reason,
)
from mcp_handoff.text.masking import masked_fields
from mcp_handoff.workflow import MERGED, merge

EXPIRY_BATCH = 100
"""The most suggestions that one transaction marks as expired."""

_CLOCK = system("expiry")
_KINDS: Mapping[SuggestionStatus, EventKind] = {
    "executed": "suggestion.executed",
    "declined": "suggestion.declined",
    "skipped": "suggestion.skipped",
}


@idempotency.once(SuggestedClose, access=look_up_named)
def suggest_close(
    tx: Transaction, caller: Caller, request: SuggestClose, seen: Proof | None = None
) -> SuggestedClose:
    """Propose to close a ticket, or return the pending proposal that this call repeats; the ticket
    itself is not touched. `seen` is what a checkout says of the commit."""
    found = look_up_ticket(tx, caller, request.ticket, request.project, locked=True)
    require_open(tx, found, "needs no proposal to close it; file a new ticket for what is left")
    takes.renew(tx, caller, found.ticket["id"])
    if repeated := _pending_for(tx, found.ticket, request):
        return SuggestedClose(suggestion=repeated, deduplicated=True)
    texts, masked = masked_fields({"evidence": request.evidence})
    claimed = request.model_dump(include={"confidence", "merge_sha", "pr_number", "repo"})
    made = propose(tx, caller, found, {**claimed, "evidence": texts["evidence"]}, seen)
    return SuggestedClose(suggestion=suggestion_of(tx, made), masked=masked)


def propose(
    tx: Transaction, caller: Caller, found: FoundTicket, claim: Row, seen: Proof | None = None
) -> Row:
    """Write down a proposal to close a ticket, with what is claimed and what was `seen` of that."""
    row = {
        "id": new_id(),
        "run_id": new_id(),
        "project_id": found.project["id"],
        "ticket_id": found.ticket["id"],
        "ticket_version": found.ticket["version"],
        "suggestion_type": "close_suggestion",
        "suggested_action": "close",
        "status": "pending",
        **claim,
        "evidence": encode_json(claim["evidence"]),
        "proof": _stored(tx, seen) if seen else None,
        **caller.actor.as_json(),
        **caller.principal.as_json(),
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
    return made


def revise(tx: Transaction, caller: Caller, row: Row, claim: Row) -> None:
    """Have a pending proposal claim what is known by now."""
    before = {name: row[name] for name in claim}
    before["evidence"] = decode_json(row["evidence"])
    changed = {name: value for name, value in claim.items() if value != before[name]}
    if not changed:
        return
    columns = dict(changed)
    if "evidence" in changed:
        columns["evidence"] = encode_json(changed["evidence"])
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    tx.execute(f"UPDATE suggestions SET {assignments} WHERE id = :id", id=row["id"], **columns)
    was = {name: before[name] for name in changed}
    _add_event(tx, caller, "suggestion.updated", row, before=was, after=changed)


def _pending_for(tx: Transaction, ticket: Row, request: SuggestClose) -> Suggestion | None:
    """Return the oldest pending proposal for the same change of a ticket, None without one."""
    if request.merge_sha is None and request.pr_number is None:
        return None
    rows = tx.fetch_all(
        f"{SELECT} WHERE s.ticket_id = :ticket_id AND {BY_STATUS['pending']}"
        f" AND (substr(s.merge_sha, 1, {SHORTEST_SHA}) = :sha OR s.pr_number = :pr_number)"
        " AND s.ticket_version = :version",
        ticket_id=ticket["id"],
        now=timestamp(tx.now),
        version=ticket["version"],
        sha=request.merge_sha and request.merge_sha[:SHORTEST_SHA],
        pr_number=request.pr_number,
    )
    pending = (suggestion_of(tx, row) for row in sorted(rows, key=itemgetter("seq")))
    return next((one for one in pending if is_same_change(one, request)), None)


def _require_locked(tx: Transaction, caller: Caller, request: ActOnSuggestion) -> Row:
    """Return a suggestion with its ticket's columns; nobody else changes either of them until the
    transaction ends."""
    project = projects.find_named(tx, caller, request.project)
    row = tx.fetch_one_locked(
        f"{SELECT} WHERE s.id = :id AND s.project_id = :project_id",
        "t",  # before its suggestions, of which whoever closes it changes several
        "s",
        id=request.suggestion_id,
        project_id=project["id"] if project else "",
        now=timestamp(tx.now),
    )
    if row is None:
        why = "names no suggestion in this project"
        raise NotFound.at("suggestion_id", why, "list those there are")
    return row


def find_claimed_commit(
    tx: Transaction, caller: Caller, request: ActOnSuggestion
) -> tuple[str | None, str | None]:
    """Return the commit that a suggestion claims was merged, and in which repository, as far as it
    names them."""
    project = projects.find_named(tx, caller, request.project)
    row = tx.fetch_one(
        "SELECT merge_sha, repo FROM suggestions WHERE id = :id AND project_id = :project_id",
        id=request.suggestion_id,
        project_id=project["id"] if project else "",
    )
    return (row["merge_sha"], row["repo"]) if row else (None, None)


@idempotency.once(ActedSuggestion, access=_require_locked)
def act_on_suggestion(
    tx: Transaction, caller: Caller, request: ActOnSuggestion, seen: Proof | None = None
) -> ActedSuggestion:
    """Carry out a pending suggestion or decline it; of many callers one wins. `seen` is what a
    checkout says of its commit by now."""
    row = _require_locked(tx, caller, request)
    if row["status"] != "pending":
        raise not_pending(suggestion_of(tx, read_settled(tx, row["id"])))
    texts, masked = masked_fields({"reason": request.reason})
    if request.action == "decline":
        acted = end(tx, caller, row, "declined", texts["reason"])
    elif stale := stale_reason(row["ticket_version"], row["version"]):
        acted = end(tx, caller, row, "skipped", stale)
    else:
        acted = execute(tx, caller, row, texts["reason"], _require_proof(tx, caller, row, seen))
    return acted.model_copy(update={"masked": masked})


def _require_proof(tx: Transaction, caller: Caller, row: Row, seen: Proof | None) -> Proof:
    """Return what a suggestion rests on that the caller may execute; refuse it otherwise."""
    policy = policy_of(caller, row)
    require_other(policy, row["principal_id"], caller.principal)
    proof = proof_of(tx, {**row, "proof": _stored(tx, seen)} if seen else row)
    if error := objection(proof, policy):
        raise error
    return proof


def _stored(tx: Transaction, seen: Proof) -> str:
    """Return as JSON what was seen by now."""
    now = {"seen_at": timestamp(tx.now)}
    return seen.model_copy(update=now).model_dump_json(exclude_none=True)


def end(
    tx: Transaction,
    caller: Caller,
    row: Row,
    status: Literal["declined", "skipped"],
    why: str | None,
) -> ActedSuggestion:
    """Settle a pending suggestion without touching its ticket."""
    _settle(tx, row, status, why)
    after = {"status": status, **({"reason": why} if why else {})}
    _add_event(tx, caller, _KINDS[status], row, before={"status": "pending"}, after=after)
    settled = {**row, **_settled_by(tx, caller), "status": status, "reason": why}
    return ActedSuggestion(suggestion=suggestion_of(tx, settled))


def execute(
    tx: Transaction, caller: Caller, row: Row, reason: str | None, proof: Proof
) -> ActedSuggestion:
    """Carry out a pending suggestion, which rests on this proof. When that closes the ticket, what
    else is pending for it is skipped."""
    applied, why = _merge(tx, caller, row, proof.merge_sha or row["merge_sha"]), None
    if applied.new_stage == "live" != row["stage"]:
        why = overtaken(reference(row["ticket_number"], row["project_slug"]), row["id"])
    kept = proof.model_dump_json(exclude_none=True)
    others = _settle(tx, row, "executed", reason, overtaken=why, proof=kept)
    after = {"status": "executed", **({"reason": reason} if reason else {}), **applied.model_dump()}
    after["proof"] = proof.state
    before = {"status": "pending", "stage": row["stage"]}
    _add_event(tx, caller, "suggestion.executed", row, before=before, after=after)
    _add_skips(tx, caller, _ticket_of(row), others, why)
    settled = {**row, **_settled_by(tx, caller), "status": "executed", "reason": reason}
    return ActedSuggestion(
        suggestion=suggestion_of(tx, {**settled, "proof": kept}), apply_result=applied
    )


def skip_pending(tx: Transaction, caller: Caller, found: FoundTicket, why: str) -> None:
    """Skip what is pending for a ticket that was closed otherwise."""
    skipped = tx.fetch_all(
        "UPDATE suggestions SET status = 'skipped', reason = :why WHERE ticket_id = :id"
        " AND status = 'pending' AND expires_at > :now RETURNING id",
        id=found.ticket["id"],
        why=why,
        now=timestamp(tx.now),
    )
    _add_skips(tx, caller, found, [row["id"] for row in skipped], why)


def _ticket_of(row: Row) -> FoundTicket:
    """Return the ticket of a suggestion's row, with the columns that a merge changes or needs."""
    columns = {"id": row["ticket_id"], "number": row["ticket_number"], "stage": row["stage"]}
    columns |= {name: row[name] for name in ("project_id", "version", "blockers")}
    return FoundTicket({"id": row["project_id"], "slug": row["project_slug"]}, columns)


def _merge(tx: Transaction, caller: Caller, row: Row, merge_sha: str | None) -> ApplyResult:
    """Do on a suggestion's ticket what the merge of its change as this commit does; one that is
    live already is left alone."""
    found = _ticket_of(row)
    before = standing_of(tx, found.ticket)
    after = merge(before)
    if before.status == "open":
        changes = {"merge_sha": merge_sha} if merge_sha else {}
        if after.status == "closed":
            changes["resolution_type"] = "completed"
        move(tx, caller, found, before, after, changes)
    return ApplyResult(
        merged=after.roles.get(MERGED) == "done",
        new_stage=after.stage,
        roles_marked_done=[
            role for role, status in after.roles.items() if status != before.roles[role]
        ],
    )


def _add_skips(
    tx: Transaction, caller: Caller, found: FoundTicket, others: Sequence[str], why: str | None
) -> None:
    """Write down that these suggestions were skipped when their ticket was closed."""
    history.add_equal_events(
        tx,
        caller,
        "suggestion.skipped",
        subject_ids=others,
        **found.in_history,
        before={"status": "pending"},
        after={"status": "skipped", "reason": why},
    )


def _settled_by(tx: Transaction, caller: Caller) -> Row:
    """Return what SELECT_SETTLED has of what this caller settles now."""
    return {
        "settled_at": timestamp(tx.now),
        "settled_role": caller.actor.role,
        "settled_actor": caller.actor.id,
        "settled_id": caller.principal.id,
        "settled_name": caller.principal.name,
    }


def _settle(
    tx: Transaction,
    row: Row,
    status: SuggestionStatus,
    reason: str | None,
    *,
    overtaken: str | None = None,
    proof: str | None = None,
) -> list[str]:
    """Give a pending suggestion its final status, with what that rests on. Where the others of its
    ticket are `overtaken`, and so skipped, return the ids of those that were pending."""
    rows = tx.fetch_all(
        "UPDATE suggestions SET status = CASE id WHEN :id THEN :status ELSE 'skipped' END,"
        " reason = CASE id WHEN :id THEN :reason ELSE :overtaken END,"
        " proof = CASE id WHEN :id THEN coalesce(:proof, proof) ELSE proof END"
        f" WHERE {'ticket_id = :ticket_id' if overtaken else 'id = :id'}"
        " AND status = 'pending' AND expires_at > :now RETURNING id",
        id=row["id"],
        ticket_id=row["ticket_id"],
        status=status,
        reason=reason,
        overtaken=overtaken,
        proof=proof,
        now=timestamp(tx.now),
    )
    settled = [one["id"] for one in rows]
    settled.remove(row["id"])  # it is locked, and was pending
    return settled


def is_expiry_due(tx: Transaction) -> bool:
    """Tell whether the time of a pending suggestion is over."""
    due = f"SELECT 1 FROM suggestions s WHERE {DUE} ORDER BY s.expires_at LIMIT 1"
    return tx.fetch_one(due, now=timestamp(tx.now)) is not None


def expire_suggestions(tx: Transaction) -> None:
    """Mark pending suggestions whose time is over, each with an event: EXPIRY_BATCH at most, and
    first those that are over for longest."""
    due = tx.fetch_all(
        "SELECT s.id, s.project_id, s.ticket_id, t.number AS ticket_number, p.slug AS project_slug"
        " FROM suggestions s JOIN tickets t ON t.id = s.ticket_id"
        f" JOIN projects p ON p.id = s.project_id WHERE {DUE}"
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
        before=before,
        after=after,
    )
