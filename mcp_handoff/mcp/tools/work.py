"""The tools of the work on a ticket."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mcp_handoff import work
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.answers import Answer, Line, Reader
from mcp_handoff.mcp.tools.details import TicketAnswer, standing_words, statuses, ticket_answer
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import moment, written
from mcp_handoff.text.characters import listed
from mcp_handoff.tickets import TicketDetail
from mcp_handoff.work import Note, TakenTicket, TakeTicket, UpdatedTicket
from mcp_handoff.workflow import Standing

_HIDDEN: Mapping[str, Any] = {
    "request_type": None,
    "updated_at": None,
    "criteria": None,
    "reopen": False,
    "skip_tests": False,
}
"""What REST alone has."""

_BESIDE_A_CHANGE = {"ticket", "role", "note", "fence", "project", "idempotency_key", *_HIDDEN}
"""The arguments of which none alone is something to change."""


class UpdateTicket(work.UpdateTicket):
    """Change a ticket; whoever hands work back or closes it says why."""

    note: Annotated[
        Note | None, Field(description="for whoever comes next", validate_default=True)
    ] = None

    @field_validator("note")
    @classmethod
    def _require_note(cls, note: str | None, info: ValidationInfo) -> str | None:
        status, resolution = info.data.get("role_status"), info.data.get("close_as")
        if note or (status not in ("pending", "skipped") and not resolution):
            return note
        done = f"the ticket is closed as {resolution}" if resolution else f"the role is {status}"
        why = f"must say why {done}"
        raise PydanticCustomError("note_required", "{why}", {"why": why})

    @model_validator(mode="after")
    def _require_change(self) -> Self:
        given = self.model_fields_set - _BESIDE_A_CHANGE
        if not any(getattr(self, name) is not None for name in given):
            why = "names nothing to change: give one more argument than the ticket"
            raise PydanticCustomError("change_required", "{why}", {"why": why})
        return self


class UpdatedAnswer(Answer):
    """What a ticket is after a change."""

    ticket: Line
    status: str
    stage: str | None = None
    roles: dict[str, str] | None = None
    changed: list[str]
    can_begin: list[str] | None = None
    unblocked: list[str] | None = None
    masked: list[str] | None = None


def _what_comes_first(detail: TicketDetail, role: str) -> str | None:
    """Return what has to be finished before a role's work, None where nothing has."""
    if detail.open_blockers:
        return f"It is blocked by {listed(detail.open_blockers)}; look there first."
    standing = Standing.of(detail.ticket.stage or "backlog", detail.ticket.roles)
    left = standing.roles_before(role)
    return f"{listed(left)} {'is' if len(left) == 1 else 'are'} not done yet." if left else None


def _tell_taken(result: TakenTicket, reader: Reader) -> TicketAnswer:
    name, role = result.detail.ticket.name, result.role
    done = f"You hold {role} of {name}{' already' if result.already else ''}"
    if result.until:
        done += f", until {moment(result.until)} and longer with every call on it"
    words = [written(result, f"{done}.", result.masked)]
    if first := _what_comes_first(result.detail, role):
        words.append(first)
    if result.detail.notes:
        words.append("Read notes first: they were left for you.")
    words.append(
        f"When it is done: update_ticket with role {role}, role_status done, a note and this fence;"
        " pending gives it back."
    )
    return ticket_answer(result.detail, " ".join(words), fence=result.fence, masked=result.masked)


def _tell_updated(result: UpdatedTicket, reader: Reader) -> UpdatedAnswer:
    ticket = result.ticket
    now = f"{ticket.name} {standing_words(ticket)}."
    words = [now if result.changed else f"Nothing differs from before: {now}"]
    if result.handed_on_to:
        words.append(f"Now {listed(result.handed_on_to)} can begin.")
    if result.unblocked:
        words.append(f"It blocked {listed(result.unblocked)}, which can go on.")
    return UpdatedAnswer(
        message=written(result, " ".join(words), result.masked),
        ticket=ticket.name,
        status=ticket.status,
        stage=ticket.stage,
        roles=statuses(ticket) or None,
        changed=result.changed,
        can_begin=result.handed_on_to or None,
        unblocked=result.unblocked or None,
        masked=result.masked,
    )


TAKE_TICKET = Tool(
    name="take_ticket",
    title="Take a ticket",
    description=(
        "Take up work: claim a role on a ticket, or on the next that is ready, the most urgent, so"
        " that nobody else does the same. Take over what went stale. Answers with the notes left"
        " for you, and a fence."
    ),
    request=TakeTicket,
    perform=Desk.take_ticket,
    answer=TicketAnswer,
    tell=_tell_taken,
    idempotent=True,
)

UPDATE_TICKET = Tool(
    name="update_ticket",
    title="Update a ticket",
    description=(
        "Change a ticket: my part (role) is done and handed on; pending gives it back, if I can't"
        " finish it, or sends it back, as when tests fail; skipped leaves it out. Raise its"
        " priority, edit it, note what it is blocked by, park it, close it as duplicate or"
        " wont_fix. If merged: suggest_close."
    ),
    request=UpdateTicket,
    perform=Desk.update_ticket,
    answer=UpdatedAnswer,
    tell=_tell_updated,
    fixed=_HIDDEN,
)
