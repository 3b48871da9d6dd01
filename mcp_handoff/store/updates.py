"""Changing tickets: how far their roles are, what they say, what blocks them; closing by hand."""

from collections.abc import Mapping
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.errors import Outdated, RolesIncomplete, ValidationFailed
from mcp_handoff.events import EventKind
from mcp_handoff.principals import require_admin
from mcp_handoff.references import mentioned
from mcp_handoff.store import history, idempotency, links, messages, suggestions, takes
from mcp_handoff.store.lookup import FoundTicket, look_up_named, look_up_ticket, require_open
from mcp_handoff.store.standings import Moved, move, standing_of
from mcp_handoff.store.ticket_rows import roles_of, summary
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.takes import taken_over
from mcp_handoff.text.characters import listed
from mcp_handoff.text.masking import masked_fields
from mcp_handoff.tickets import TicketSummary, urgency
from mcp_handoff.work import FINISHED, UpdatedTicket, UpdateTicket, without_role
from mcp_handoff.workflow import (
    STILL_TO_ACT,
    TESTING_ROLES,
    Standing,
    add_roles,
    close,
    finish,
    give_back,
    send_back,
    take,
)

_FIELDS = ("priority", "blocking", "title", "description", "request_type")
_TEXTS = {"title", "description", "note", "park", "criteria"}


@idempotency.once(UpdatedTicket, access=look_up_named)
def update_ticket(tx: Transaction, caller: Caller, request: UpdateTicket) -> UpdatedTicket:
    """Change a ticket, all of it or nothing."""
    blockers = None
    if request.blocked_by is not None:
        project = look_up_named(tx, caller, request).project
        blockers = links.lock_blockers(tx, caller, project, request.blocked_by)
    found = look_up_ticket(tx, caller, request.ticket, request.project, locked=True)
    ticket = found.ticket
    if request.updated_at and request.updated_at < ticket["updated_at"]:
        when = ticket["updated_at"]
        raise Outdated(f"{found.reference} was changed at {when}; read it again.", state=when)
    if request.skip_tests:
        require_admin(caller.principal)
    texts, masked = masked_fields(request.model_dump(include=_TEXTS))
    note: str | None = texts["note"]
    before = standing_of(tx, ticket)
    takes.renew(tx, caller, ticket["id"])
    if request.park:
        _park(tx, caller, found, texts["park"])
    after = _standing_after(tx, caller, found, request, before, note)
    changes = _changes(ticket, request, texts)
    if blockers is not None:
        changes["blockers"] = links.link(tx, ticket["id"], blockers)
    closes = after.status == "closed" != before.status
    if closes:
        changes |= {"resolution_type": request.close_as or "completed", "resolution_note": note}
    changed = _differences(ticket, changes, before, after)
    moved = Moved(ticket, [], [])
    if changed:
        moved = move(tx, caller, found, before, after, changes)
        _add_event(tx, caller, found, {**request.model_dump(), **texts}, changed, before, after)
    if note and request.role_status != "in_progress":
        messages.write(tx, caller, found, "handoff", note)
    if closes:
        suggestions.skip_pending(tx, caller, found, f"{found.reference} was closed otherwise.")
    fields = summary(moved.ticket, found.slug, roles_of(tx, ticket["id"]))
    return UpdatedTicket(
        ticket=TicketSummary.model_validate(fields),
        changed=[*changed, *(["parked"] if request.park else [])],
        handed_on_to=moved.handed_on_to,
        unblocked=moved.unblocked,
        masked=masked,
    )


def _park(tx: Transaction, caller: Caller, found: FoundTicket, why: str) -> None:
    """Stop the clock of what a caller holds of a ticket; refuse whoever holds nothing of it."""
    if takes.park(tx, caller, found.ticket["id"], why):
        return
    for row in takes.of_ticket(tx, found.ticket["id"]):
        if takes.was_own(caller, row):
            raise taken_over(found.reference, takes.shown(tx, row))
    raise ValidationFailed.at(
        "park", f"is for whoever holds a role of {found.reference}", "take one first"
    )


def _standing_after(
    tx: Transaction,
    caller: Caller,
    found: FoundTicket,
    request: UpdateTicket,
    before: Standing,
    note: str | None,
) -> Standing:
    """Return where the ticket stands after what is asked for, which is not written down yet but for
    who holds what."""
    standing = before
    if request.add_roles:
        require_open(tx, found, "takes no more roles; give it a stage to open it again first")
        standing = add_roles(before, request.add_roles)
    if request.role_status:
        standing = _turn_role(tx, caller, found, request, standing, note)
    if request.close_as:
        require_open(tx, found, "is not closed again; setting its stage opens it")
        _require_closable(tx, caller, found, request, standing)
        standing = close(standing)
    elif request.stage:
        standing = Standing(request.stage, standing.roles)
    elif request.reopen and standing.status == "closed":
        standing = Standing("in_progress", standing.roles)
    return standing


def _turn_role(
    tx: Transaction,
    caller: Caller,
    found: FoundTicket,
    request: UpdateTicket,
    standing: Standing,
    note: str | None,
) -> Standing:
    """Return where a ticket stands once a role was begun, finished, given back or sent back."""
    role = request.role
    assert role is not None, "the request was checked"
    status = standing.roles.get(role)
    if status is None:
        raise without_role(found.reference, standing)
    held = takes.of_role(tx, found.ticket["id"], role)
    takes.require_own_or_free(tx, caller, found.reference, held, request.fence)
    if request.role_status == status:
        return standing
    if request.role_status == "pending":
        if status == "in_progress":
            return give_back(standing, role)
        return send_back(_without_own_tests(tx, caller, found, standing), role)
    require_open(tx, found, "has no work left; a role that is set to pending opens it again")
    if request.role_status in ("done", "skipped"):
        return finish(standing, role, request.role_status, found.ticket["request_type"])
    takes.write_take(tx, caller, found.ticket, role, note, held)
    return take(standing if status in STILL_TO_ACT else send_back(standing, role), role)


def _without_own_tests(
    tx: Transaction, caller: Caller, found: FoundTicket, standing: Standing
) -> Standing:
    """Return where a ticket stands once a caller has given back the testing that it does on it: it
    can't go on with what is sent back."""
    for row in takes.of_ticket(tx, found.ticket["id"]):
        if takes.is_own(caller, row) and row["role"] in TESTING_ROLES:
            standing = give_back(standing, row["role"])
    return standing


def _require_closable(
    tx: Transaction, caller: Caller, found: FoundTicket, request: UpdateTicket, standing: Standing
) -> None:
    """Refuse to close as finished what is not (RolesIncomplete), and as a duplicate of nothing."""
    passed = TESTING_ROLES if request.skip_tests else frozenset[str]()
    left = [role for role in standing.roles_to_finish if role not in passed]
    if request.close_as in FINISHED and left:
        raise RolesIncomplete(
            f"{found.reference} can't be closed as {request.close_as}: {listed(left)} still"
            f" {'has' if len(left) == 1 else 'have'} to act. Finish them, skip them with a note, or"
            " close it as what it is.",
            fields={role: standing.roles[role] for role in left},
        )
    if request.close_as == "duplicate":
        names = mentioned(request.note or "")
        if not names:
            raise ValidationFailed.at("note", "must name the other ticket", "such as HO-12-shop")
        look_up_ticket(tx, caller, names[0], None, field="note")


def _changes(ticket: Row, request: UpdateTicket, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a ticket that are given other values, beside where it stands."""
    given = {name: getattr(request, name) for name in _FIELDS}
    given |= {name: texts[name] for name in ("title", "description")}
    changes = {name: value for name, value in given.items() if value not in (None, ticket[name])}
    if {"priority", "blocking"} & changes.keys():
        whole = {**ticket, **changes}
        changes["urgency"] = urgency(whole["priority"], blocking=bool(whole["blocking"]))
    if "blocking" in changes:
        changes["blocking"] = int(changes["blocking"])
    return changes


def _differences(
    ticket: Row, changes: Mapping[str, Any], before: Standing, after: Standing
) -> list[str]:
    """Return what differs from before, by the names that a caller knows."""
    names = [name for name in (*_FIELDS, "blockers") if name in changes]
    if before.stage != after.stage:
        names.append("stage")
    roles = [role for role, status in after.roles.items() if before.roles.get(role) != status]
    return ["blocked_by" if name == "blockers" else name for name in names] + roles


def _add_event(
    tx: Transaction,
    caller: Caller,
    found: FoundTicket,
    asked: Mapping[str, Any],
    changed: list[str],
    before: Standing,
    after: Standing,
) -> None:
    """Write down what was `asked` for, as far as it changed anything, and what it changed."""
    kind: EventKind = "ticket.updated"
    if before.status != after.status:
        kind = "ticket.closed" if after.status == "closed" else "ticket.reopened"
    was: dict[str, Any] = {name: found.ticket[name] for name in changed if name in _FIELDS}
    now: dict[str, Any] = {name: asked[name] for name in was}
    if before.stage != after.stage:
        was["stage"], now["stage"] = before.stage, after.stage
    turned = [role for role in after.roles if role in changed]
    if turned:
        was["roles"] = {role: before.roles[role] for role in turned if role in before.roles}
        now["roles"] = {role: after.roles[role] for role in turned}
    beside = ("blocked_by", "close_as", "note", "criteria")
    now |= {name: asked[name] for name in beside if asked[name] is not None}
    begun = asked["role"] if asked["role_status"] == "in_progress" else None
    if begun in turned and (held := takes.of_role(tx, found.ticket["id"], begun)):
        kind, now = "ticket.taken", {"role": begun, "fence": held["fence"], **now}
    history.add_event(
        tx,
        caller,
        kind,
        subject_id=found.ticket["id"],
        **found.in_history,
        before=was,
        after=now,
    )
