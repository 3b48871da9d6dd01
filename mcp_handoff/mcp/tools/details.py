"""A ticket whole, as tools answer with it."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from mcp_handoff.events import Event
from mcp_handoff.mcp.answers import Answer, Line, Reader, Row, cut, cut_json
from mcp_handoff.mcp.tools.builds import BuildRow, build_row
from mcp_handoff.mcp.tools.suggestions import SuggestionRow, next_act, row_at_its_ticket
from mcp_handoff.mcp.tools.words import moment
from mcp_handoff.merges import LinkedChange
from mcp_handoff.messages import Message
from mcp_handoff.takes import Take
from mcp_handoff.text.characters import listed
from mcp_handoff.tickets import TicketDetail, TicketSummary
from mcp_handoff.workflow import MERGED, STILL_TO_ACT

CHANGES, SUGGESTIONS, BUILDS, EVENTS = 5, 2, 1, 5
"""How many changes, and how many of the newest suggestions, builds and events, are shown."""


class EventsRow(Row):
    """What one did after another, newest first: each with when and what."""

    by: Line
    did: list[str]


class TakeRow(Row):
    """Who holds a role, and since when; `over_at` is when others may take it over."""

    role: str
    by: Line
    since: str | None = None
    over_at: str | None = None
    stale: bool | None = None
    parked: Line | None = None
    note: str | None = None


class NoteRow(Row):
    """A note with which work was handed on, here or on a ticket that blocked this one."""

    at: str | None = None
    ticket: Line | None = None
    by: Line
    note: str


class ChangeRow(Row):
    """A pull request, or a commit of the default branch, that mentions the ticket; `closes` where
    it declares to close it."""

    name: Line
    state: str
    closes: bool | None = None
    checks: str | None = None
    title: Line | None = None


class MessageRow(Row):
    """A message of the thread; one that `waits` has no answer yet."""

    message_id: str
    at: str | None = None
    to_role: str | None = None
    waits: bool | None = None
    answers: str | None = None
    by: Line
    body: str


class TicketAnswer(Answer):
    """A ticket, its texts whole or with the way to the whole of them; the fence is of the role that
    the caller has just taken."""

    THEIRS = "title"

    ticket: Line
    fence: int | None = None
    masked: list[str] | None = None
    type: str | None = None
    priority: str | None = None
    blocking: bool | None = None
    status: str
    stage: str | None = None
    resolution: str | None = None
    roles: dict[str, str] | None = None
    blocked_by: list[str] | None = None
    blocks: list[str] | None = None
    merge_sha: str | None = None
    deployed_at: str | None = None
    deploy_failed_at: str | None = None
    filed_at: str | None = None
    updated: str | None = None
    title: Line | None = None
    filed_by: Line | None = None
    taken: list[TakeRow] | None = None
    notes: list[NoteRow] | None = None
    changes: list[ChangeRow] | None = None
    suggestions: list[SuggestionRow] | None = None
    builds: list[BuildRow] | None = None
    events: list[EventsRow] | None = None
    description: str | None = None
    evidence: Any = None
    suggested_resolution: str | None = None
    implementation_notes: str | None = None
    ai_output: Any = None
    resolution_note: str | None = None
    messages: list[MessageRow] | None = None


def open_roles(ticket: TicketSummary) -> list[str]:
    """Return the roles that have still to act; `merged` when it is the only one."""
    left = [role.role for role in ticket.roles if role.status in STILL_TO_ACT]
    return [role for role in left if role != MERGED] or left


def whom_it_waits_for(ticket: TicketSummary) -> str:
    match open_roles(ticket):
        case []:
            return "waits for nobody"
        case ["merged"]:
            return "waits only for merged, that is for its change to be on the default branch"
        case roles:
            return f"waits for {listed(roles)}"


def statuses(ticket: TicketSummary) -> dict[str, str]:
    """Return how far each of a ticket's roles is."""
    return {one.role: one.status for one in ticket.roles}


def standing_words(ticket: TicketSummary) -> str:
    """Return where a ticket stands, as what is said of it."""
    if ticket.status == "closed":
        return "is closed"
    return f"is open in {ticket.stage or 'backlog'} and {whom_it_waits_for(ticket)}"


def _events_rows(events: Sequence[Event]) -> list[EventsRow]:
    return [
        EventsRow(by=by, did=[f"{moment(one.created_at)} {one.kind}" for one in done])
        for by, done in groupby(events, attrgetter("author"))
    ]


def where_it_stands(detail: TicketDetail, reader: Reader) -> str:
    """Return where a ticket stands and what is next, when somebody can do it."""
    ticket = detail.ticket
    if ticket.status == "closed":
        how = f" ({ticket.resolution_type})" if ticket.resolution_type else ""
        since = f" since {moment(ticket.resolved_at)}" if ticket.resolved_at else ""
        return f"{ticket.name} is closed{since}{how}."
    left = open_roles(ticket)
    words = [f"{ticket.name} {standing_words(ticket)}."]
    if detail.open_blockers:
        words.append(f"It is blocked by {listed(detail.open_blockers)}.")
    if left and left != [MERGED]:
        words.append("Its role merged is done once its change is on the default branch.")
    pending = [one for one in detail.suggestions if one.status == "pending"]
    if pending and reader.may_write:
        words.append(f"A suggestion to close it waits. Next: {next_act(pending[0], reader)}.")
    elif left == [MERGED] and reader.may_write and reader.has_store:
        words.append(f"Next: suggest_close with ticket {ticket.name} and evidence of the merge.")
    return " ".join(words)


def ticket_answer(
    detail: TicketDetail,
    message: str,
    *,
    fence: int | None = None,
    masked: list[str] | None = None,
) -> TicketAnswer:
    """Return the answer with a ticket whole; the fence is of a role that was just taken."""
    ticket = detail.ticket
    whole_at = f"handoff://tickets/{ticket.name}"
    output = dict(ticket.ai_output or {})
    if detail.builds:
        output.pop("build_run", None)  # it is the newest of these
    noted = {note.id for note in detail.notes}
    thread = [one for one in reversed(detail.messages) if one.id not in noted]
    return TicketAnswer(
        message=message,
        ticket=ticket.name,
        fence=fence,
        masked=masked,
        type=ticket.request_type,
        priority=ticket.priority,
        blocking=ticket.blocking or None,
        status=ticket.status,
        stage=ticket.stage,
        resolution=ticket.resolution_type,
        roles=statuses(ticket) or None,
        blocked_by=detail.open_blockers or None,
        blocks=[one.reference for one in detail.blocks if one.status == "open"] or None,
        merge_sha=ticket.merge_sha,
        deployed_at=moment(ticket.deployed_at),
        deploy_failed_at=moment(ticket.deploy_failed_at),
        filed_at=moment(ticket.created_at),
        updated=None if ticket.updated_at == ticket.created_at else moment(ticket.updated_at),
        title=ticket.title,
        filed_by=ticket.author,
        taken=[_take_row(one) for one in detail.takes] or None,
        notes=[_note_row(one, whole_at) for one in detail.notes] or None,
        changes=[_change_row(one) for one in detail.changes[:CHANGES]] or None,
        suggestions=[row_at_its_ticket(one) for one in detail.suggestions[:SUGGESTIONS]] or None,
        builds=[build_row(build) for build in detail.builds[:BUILDS]] or None,
        events=_events_rows(detail.events[:EVENTS]) or None,
        description=ticket.description,
        evidence=cut_json(ticket.evidence, whole_at),
        suggested_resolution=cut(ticket.suggested_resolution, whole_at),
        implementation_notes=cut(ticket.implementation_notes, whole_at),
        ai_output=cut_json(output or None, whole_at),
        resolution_note=cut(ticket.resolution_note, whole_at),
        messages=[_message_row(one, whole_at) for one in thread] or None,
    )


def _take_row(take: Take) -> TakeRow:
    return TakeRow(
        role=take.role,
        by=take.holder,
        since=moment(take.taken_at),
        over_at=moment(take.until),
        stale=take.stale or None,
        parked=take.parked,
        note=take.note,
    )


def _change_row(change: LinkedChange) -> ChangeRow:
    return ChangeRow(
        name=change.name,
        state=change.state,
        closes=change.closes or None,
        checks=None if change.checks == "none" else change.checks,
        title=change.title,
    )


def _note_row(note: Message, whole_at: str) -> NoteRow:
    return NoteRow(
        at=moment(note.created_at),
        ticket=note.ticket,
        by=note.author,
        note=cut(note.body, whole_at) or "",
    )


def _message_row(message: Message, whole_at: str) -> MessageRow:
    return MessageRow(
        message_id=message.id,
        at=moment(message.created_at),
        to_role=message.to_role,
        waits=message.waits or None,
        answers=message.answers,
        by=message.author,
        body=cut(message.body, whole_at) or "",
    )
