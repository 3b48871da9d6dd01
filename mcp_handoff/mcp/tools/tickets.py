"""The tools of tickets."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticKnownError

from mcp_handoff import tickets
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.tools.builds import describe_build
from mcp_handoff.mcp.tools.suggestions import describe_suggestion
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import compact_json, masking, page_of
from mcp_handoff.receivers import NOBODY
from mcp_handoff.schema import Limit
from mcp_handoff.tickets import (
    ROLES,
    STAGES,
    CreatedTicket,
    CreateTicket,
    GetTicket,
    RoleFilter,
    Stage,
    StatusFilter,
    TicketDetail,
    TicketPage,
    TicketSummary,
    TriggerBotBuild,
    TriggeredBuild,
)


def _one_of(value: Any, choices: Sequence[str]) -> Any:
    if value is not None and value not in choices:
        expected = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise PydanticKnownError("literal_error", {"expected": expected})
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
    """List the open tickets, newest first, on short pages."""

    status: StatusFilter = "open"
    stage: OneStage = Field(default_factory=list[Stage])
    role: AskedRole | None = None
    limit: Limit = 20


def _describe_ticket(ticket: TicketSummary) -> str:
    roles = ", ".join(f"{role.role} {role.status}" for role in ticket.roles)
    blocking = ", blocking" if ticket.blocking else ""
    return (
        f"{ticket.name} [{ticket.status}, {ticket.stage}] {ticket.request_type},"
        f" {ticket.priority}{blocking}: {ticket.title} ({roles})"
    )


def _describe_created(result: CreatedTicket) -> str:
    ticket = result.ticket
    if result.deduplicated:
        return f"{ticket.name} says the same and is still open; no second ticket was filed."
    roles = ", ".join(role.role for role in ticket.roles) or "nobody"
    return (
        f"Filed {ticket.name} in {ticket.stage or 'backlog'} for {roles}.{masking(result.masked)}"
        " Next: trigger_bot_build to have a bot work on it."
    )


def _describe_found(result: TicketPage) -> str:
    if not result.tickets:
        return "No tickets match."
    return page_of(map(_describe_ticket, result.tickets), result.next_cursor)


def _describe_read(result: TicketDetail) -> str:
    ticket = result.ticket
    texts = {
        "Description": ticket.description,
        "Evidence": ticket.evidence,
        "Suggested resolution": ticket.suggested_resolution,
        "Implementation notes": ticket.implementation_notes,
        "AI output": ticket.ai_output,
    }
    lines = [_describe_ticket(ticket)]
    for name, text in texts.items():
        if text:
            lines.append(f"{name}: {text if isinstance(text, str) else compact_json(text)}")
    lines += map(describe_suggestion, result.suggestions)
    lines += map(describe_build, result.builds)
    lines += [f"{event.created_at} {event.kind} by {event.author}" for event in result.events]
    return "\n".join(lines)


def _describe_triggered(result: TriggeredBuild) -> str:
    run = result.ticket.ai_output.get("build_run", {})
    build, status = run.get("build_id"), run.get("status", "triggered")
    named = f"Build {build}" if build else "A bot build"
    waits = f" {NOBODY}" if run.get("last_error") == NOBODY else ""
    return (
        f"{named} of {result.ticket.name} is {status}.{waits}"
        " Next: find_builds to follow it, suggest_close when its change is merged."
    )


CREATE_TICKET = Tool(
    name="create_ticket",
    title="File a handoff ticket",
    description=(
        "Hand work to one or more roles: files a ticket in backlog. An equal ticket of yours"
        " from the last ten minutes is returned instead of a second one. Send an"
        " idempotency_key to retry safely, for days."
    ),
    request=CreateTicket,
    result=CreatedTicket,
    perform=Desk.create_ticket,
    describe=_describe_created,
    holds_others_words=False,
    required=("roles",),
)

FIND_TICKETS = Tool(
    name="find_tickets",
    title="Find tickets",
    description="List a project's tickets, newest first, or search titles and descriptions.",
    request=FindTickets,
    result=TicketPage,
    perform=Desk.find_tickets,
    describe=_describe_found,
    holds_others_words=True,
    reads=True,
    fixed={"slim": True, "offset": 0},
)

GET_TICKET = Tool(
    name="get_ticket",
    title="Read a ticket",
    description=(
        "Read one ticket whole, with its newest suggestions, builds and events."
        " ticket: uuid, reference (HO-12-shop) or number."
    ),
    request=GetTicket,
    result=TicketDetail,
    perform=Desk.get_ticket,
    describe=_describe_read,
    holds_others_words=True,
    reads=True,
)

TRIGGER_BOT_BUILD = Tool(
    name="trigger_bot_build",
    title="Start a bot build",
    description=(
        "Start a bot build for an open ticket. While one is under way it is returned unchanged;"
        " replaces (its build id) gives it up for a new one."
    ),
    request=TriggerBotBuild,
    result=TriggeredBuild,
    perform=Desk.trigger_bot_build,
    describe=_describe_triggered,
    holds_others_words=True,
    idempotent=True,
    open_world=True,
)
