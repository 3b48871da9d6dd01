"""The tools of tickets."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticKnownError

from mcp_handoff import tickets
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.answers import Answer, Line, Reader, Row
from mcp_handoff.mcp.apps import TICKET
from mcp_handoff.mcp.tools.details import (
    TicketAnswer,
    open_roles,
    ticket_answer,
    where_it_stands,
    whom_it_waits_for,
)
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import page_words, written
from mcp_handoff.schema import Limit
from mcp_handoff.text.characters import listed
from mcp_handoff.tickets import (
    CreatedTicket,
    CreateTicket,
    GetTicket,
    TicketDetail,
    TicketPage,
    TicketSummary,
)
from mcp_handoff.workflow import (
    ROLES,
    STAGES,
    AnyRole,
    Stage,
    StatusFilter,
)


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
    AnyRole,
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


def _tell_created(result: CreatedTicket, reader: Reader) -> CreatedAnswer:
    ticket = result.ticket
    if result.deduplicated:
        done = f"{ticket.name} says the same and is still open, so no second ticket was filed; it"
    else:
        done = f"Filed {ticket.name} in {ticket.stage or 'backlog'}; it"
    words = [written(result, f"{done} {whom_it_waits_for(ticket)}.", result.masked)]
    if result.similar:
        words.append("Look at similar first: open tickets that may say the same.")
    elif reader.builds_start and not result.deduplicated:
        words.append(
            f"Next: trigger_bot_build with ticket {ticket.name}, to have a bot work on it."
        )
    return CreatedAnswer(
        message=" ".join(words),
        ticket=ticket.name,
        waits_for=open_roles(ticket),
        masked=result.masked,
        similar=[
            SimilarRow(ticket=one.reference, stage=one.stage, title=one.title)
            for one in result.similar
        ]
        or None,
    )


def ticket_row(ticket: TicketSummary) -> TicketRow:
    """Return a ticket as lists show it."""
    return TicketRow(
        ticket=ticket.name,
        type=ticket.request_type,
        priority=ticket.priority,
        blocking=ticket.blocking or None,
        status=None if ticket.status == "open" else ticket.status,
        stage=ticket.stage,
        waits_for=open_roles(ticket) or None,
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
    rows = [ticket_row(ticket) for ticket in result.tickets]
    return TicketsAnswer(
        message=page_words(len(rows), "matching ticket", result.next_cursor, result.total),
        next_cursor=result.next_cursor,
        tried=result.tried,
        tickets=rows,
    )


def _tell_read(result: TicketDetail, reader: Reader) -> TicketAnswer:
    return ticket_answer(result, where_it_stands(result, reader))


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
    fixed={
        "slim": True,
        "offset": 0,
        "order": "urgency",
        "still_to_act": True,
        "blocked": False,
    },
)

GET_TICKET = Tool(
    name="get_ticket",
    title="Read a ticket",
    description=(
        "Read one ticket, by reference (HO-12-shop), number or uuid: what it is about, where it"
        " stands and who has to act, its whole description, details and history. wait_s waits for"
        " its next change first."
    ),
    request=GetTicket,
    perform=Desk.get_ticket,
    answer=TicketAnswer,
    tell=_tell_read,
    reads=True,
    app=TICKET,
)
