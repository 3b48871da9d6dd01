"""The tools of tickets."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticKnownError

from mcp_handoff import tickets
from mcp_handoff.desk import Desk
from mcp_handoff.events import Event
from mcp_handoff.mcp.answers import Answer, Line, Reader, Row, cut, cut_json
from mcp_handoff.mcp.tools.builds import BuildRow, build_row
from mcp_handoff.mcp.tools.suggestions import SuggestionRow, next_act, row_at_its_ticket
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import moment, page_words, written
from mcp_handoff.schema import Limit
from mcp_handoff.text import listed
from mcp_handoff.tickets import (
    CreatedTicket,
    CreateTicket,
    GetTicket,
    TicketDetail,
    TicketPage,
    TicketSummary,
)
from mcp_handoff.workflow import (
    MERGED,
    ROLES,
    STAGES,
    STILL_TO_ACT,
    RoleFilter,
    Stage,
    StatusFilter,
)

SUGGESTIONS, BUILDS, EVENTS = 2, 1, 5
"""How many of the newest suggestions, builds and events get_ticket shows."""


def _one_of(value: Any, choices: Sequence[str]) -> Any:
    if value is not None and value not in choices:
        raise PydanticKnownError("literal_error", {"expected": listed(choices, "or")})
    return value


def _one_stage(value: Any) -> list[Any]:
    return [] if _one_of(value, STAGES) is None else [value]


OneStage = Annotated[
    list[Stage],
    BeforeValidator(_one_stage),
    WithJsonSchema({"type": "string", "enum": list(STAGES)}),
]
"""The stages that are asked for; a model names one."""

AskedRole = Annotated[
    RoleFilter,
    BeforeValidator(partial(_one_of, choices=ROLES)),
    WithJsonSchema({"type": "string", "enum": list(ROLES)}),
]
"""A role that people and bots have; every ticket has the system's own."""


class FindTickets(tickets.FindTickets):
    """List the open tickets, the most urgent first, on short pages."""

    status: StatusFilter = "open"
    stage: OneStage = Field(default_factory=list[Stage])
    role: AskedRole | None = None
    limit: Limit = 20


class SimilarRow(Row):
    """An open ticket that looks like one that is filed."""

    ticket: Line
    stage: str
    title: Line


class CreatedAnswer(Answer):
    """The ticket that was filed, whom it waits for, and what looks like it."""

    THEIRS = "similar"

    ticket: Line
    waits_for: list[str]
    masked: list[str] | None = None
    similar: list[SimilarRow] | None = None


class TicketRow(Row):
    """A ticket in a list; one that is not blocking or closed does not say so."""

    ticket: Line
    type: str | None = None
    priority: str | None = None
    blocking: bool | None = None
    status: str | None = None
    stage: str | None = None
    waits_for: list[str] | None = None
    updated: str | None = None
    title: Line | None = None


class TicketsAnswer(Answer):
    """A page of tickets."""

    THEIRS = "tried"

    projects: list[str] | None = None
    next_cursor: str | None = None
    tried: list[Line] | None = None
    tickets: list[TicketRow]


class EventsRow(Row):
    """What one did after another, newest first: each with when and what."""

    by: Line
    did: list[str]


class TicketAnswer(Answer):
    """A ticket, its texts whole or with the way to the whole of them."""

    THEIRS = "title"

    ticket: Line
    type: str | None = None
    priority: str | None = None
    blocking: bool | None = None
    status: str
    stage: str | None = None
    resolution: str | None = None
    roles: dict[str, str] | None = None
    merge_sha: str | None = None
    filed_at: str | None = None
    updated: str | None = None
    title: Line | None = None
    filed_by: Line | None = None
    suggestions: list[SuggestionRow] | None = None
    builds: list[BuildRow] | None = None
    events: list[EventsRow] | None = None
    description: str | None = None
    evidence: Any = None
    suggested_resolution: str | None = None
    implementation_notes: str | None = None
    ai_output: Any = None
    resolution_note: str | None = None


def _open_roles(ticket: TicketSummary) -> list[str]:
    """Return the roles that have still to act; `merged` when it is the only one."""
    left = [role.role for role in ticket.roles if role.status in STILL_TO_ACT]
    return [role for role in left if role != MERGED] or left


def _whom_it_waits_for(ticket: TicketSummary) -> str:
    match _open_roles(ticket):
        case []:
            return "waits for nobody"
        case ["merged"]:
            return "waits only for merged, that is for its change to be on the default branch"
        case roles:
            return f"waits for {listed(roles)}"


def _tell_created(result: CreatedTicket, reader: Reader) -> CreatedAnswer:
    ticket = result.ticket
    if result.deduplicated:
        done = f"{ticket.name} says the same and is still open, so no second ticket was filed; it"
    else:
        done = f"Filed {ticket.name} in {ticket.stage or 'backlog'}; it"
    words = [written(result, f"{done} {_whom_it_waits_for(ticket)}.", result.masked)]
    if result.similar:
        words.append("Look at similar first: open tickets that may say the same.")
    elif reader.builds_start and not result.deduplicated:
        words.append(
            f"Next: trigger_bot_build with ticket {ticket.name}, to have a bot work on it."
        )
    return CreatedAnswer(
        message=" ".join(words),
        ticket=ticket.name,
        waits_for=_open_roles(ticket),
        masked=result.masked,
        similar=[
            SimilarRow(ticket=one.reference, stage=one.stage, title=one.title)
            for one in result.similar
        ]
        or None,
    )


def _ticket_row(ticket: TicketSummary) -> TicketRow:
    return TicketRow(
        ticket=ticket.name,
        type=ticket.request_type,
        priority=ticket.priority,
        blocking=ticket.blocking or None,
        status=None if ticket.status == "open" else ticket.status,
        stage=ticket.stage,
        waits_for=_open_roles(ticket) or None,
        updated=ticket.updated_at and ticket.updated_at[:10],
        title=ticket.title,
    )


def _tell_found(result: TicketPage, reader: Reader) -> TicketsAnswer:
    if result.projects is not None:
        others = "; projects names those that there are" if result.projects else ""
        return TicketsAnswer(
            message=f"This project has no ticket yet{others}.",
            projects=result.projects or None,
            tickets=[],
        )
    rows = [_ticket_row(ticket) for ticket in result.tickets]
    return TicketsAnswer(
        message=page_words(len(rows), "matching ticket", result.next_cursor, result.total),
        next_cursor=result.next_cursor,
        tried=result.tried,
        tickets=rows,
    )


def _events_rows(events: Sequence[Event]) -> list[EventsRow]:
    return [
        EventsRow(by=by, did=[f"{moment(one.created_at)} {one.kind}" for one in done])
        for by, done in groupby(events, attrgetter("author"))
    ]


def _where_it_stands(detail: TicketDetail, reader: Reader) -> str:
    """Return where a ticket stands and what is next, when somebody can do it."""
    ticket = detail.ticket
    if ticket.status == "closed":
        how = f" ({ticket.resolution_type})" if ticket.resolution_type else ""
        since = f" since {moment(ticket.resolved_at)}" if ticket.resolved_at else ""
        return f"{ticket.name} is closed{since}{how}."
    left = _open_roles(ticket)
    words = [
        f"{ticket.name} is open in {ticket.stage or 'backlog'} and {_whom_it_waits_for(ticket)}."
    ]
    if left and left != [MERGED]:
        words.append("Its role merged is done once its change is on the default branch.")
    pending = [one for one in detail.suggestions if one.status == "pending"]
    if pending and reader.may_write:
        words.append(f"A suggestion to close it waits. Next: {next_act(pending[0], reader)}.")
    elif left == [MERGED] and reader.may_write and reader.has_store:
        words.append(f"Next: suggest_close with ticket {ticket.name} and evidence of the merge.")
    return " ".join(words)


def _tell_read(result: TicketDetail, reader: Reader) -> TicketAnswer:
    ticket = result.ticket
    whole_at = f"handoff://tickets/{ticket.name}"
    output = dict(ticket.ai_output or {})
    if result.builds:
        output.pop("build_run", None)  # it is the newest of these
    return TicketAnswer(
        message=_where_it_stands(result, reader),
        ticket=ticket.name,
        type=ticket.request_type,
        priority=ticket.priority,
        blocking=ticket.blocking or None,
        status=ticket.status,
        stage=ticket.stage,
        resolution=ticket.resolution_type,
        roles={role.role: role.status for role in ticket.roles} or None,
        merge_sha=ticket.merge_sha,
        filed_at=moment(ticket.created_at),
        updated=None if ticket.updated_at == ticket.created_at else moment(ticket.updated_at),
        title=ticket.title,
        filed_by=ticket.author,
        suggestions=[row_at_its_ticket(one) for one in result.suggestions[:SUGGESTIONS]] or None,
        builds=[build_row(build) for build in result.builds[:BUILDS]] or None,
        events=_events_rows(result.events[:EVENTS]) or None,
        description=ticket.description,
        evidence=cut_json(ticket.evidence, whole_at),
        suggested_resolution=cut(ticket.suggested_resolution, whole_at),
        implementation_notes=cut(ticket.implementation_notes, whole_at),
        ai_output=cut_json(output or None, whole_at),
        resolution_note=cut(ticket.resolution_note, whole_at),
    )


CREATE_TICKET = Tool(
    name="create_ticket",
    title="File a ticket",
    description=(
        "File a ticket: hand work to the roles that must do it, such as backend or devops: a"
        " bug or issue you can't fix yourself, a feature, decision or answer you need. Write up"
        " all they need to pick it up. Use find_tickets first. An equal call within ten minutes"
        " files no second one."
    ),
    request=CreateTicket,
    perform=Desk.create_ticket,
    answer=CreatedAnswer,
    tell=_tell_created,
    required=("roles",),
)

FIND_TICKETS = Tool(
    name="find_tickets",
    title="Find tickets",
    description=(
        "Search tickets for anything they mention, best match first, or list them, most urgent"
        " first: is there one already, did somebody report it before, what is blocking, in"
        " validation or still open for a role. get_ticket reads one."
    ),
    request=FindTickets,
    perform=Desk.find_tickets,
    answer=TicketsAnswer,
    tell=_tell_found,
    reads=True,
    fixed={"slim": True, "offset": 0, "order": "urgency", "still_to_act": True},
)

GET_TICKET = Tool(
    name="get_ticket",
    title="Read a ticket",
    description=(
        "Read one ticket, by reference (HO-12-shop), number or uuid: what it is about, where it"
        " stands and who has to act, its whole description, details and history."
    ),
    request=GetTicket,
    perform=Desk.get_ticket,
    answer=TicketAnswer,
    tell=_tell_read,
    reads=True,
)
