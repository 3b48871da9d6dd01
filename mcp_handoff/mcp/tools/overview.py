"""The tool of the overview."""

from mcp_handoff.desk import Desk
from mcp_handoff.mcp.answers import Answer, Line, Reader, Row
from mcp_handoff.mcp.apps import BOARD
from mcp_handoff.mcp.tools.tickets import TicketRow, ticket_row
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import moment
from mcp_handoff.messages import Message
from mcp_handoff.overview import Counts, GetOverview, Overview
from mcp_handoff.schema import COUNTED
from mcp_handoff.takes import HeldRole
from mcp_handoff.text.characters import shortened
from mcp_handoff.workflow import LIVE

BODY_SHOWN = 200
"""How much of a question is shown; get_ticket shows it whole."""


class ProjectRow(Row):
    """A project: what it is called in other calls, and its name."""

    project: Line
    name: Line | None = None


class HeldRow(Row):
    """A role that the caller holds; `over_at` is when others may take it over."""

    ticket: Line
    role: str
    over_at: str | None = None
    stale: bool | None = None
    parked: Line | None = None
    title: Line


class QuestionRow(Row):
    """A message that waits for a role's answer."""

    ticket: Line | None = None
    to_role: str | None = None
    message_id: str
    at: str | None = None
    by: Line
    body: Line


class OverviewAnswer(Answer):
    """Where a project stands, and what in it waits for whoever asks."""

    THEIRS = "you"

    own_project: str
    stages: dict[str, int] | None = None
    priorities: dict[str, int] | None = None
    waits_for: dict[str, int] | None = None
    pending_suggestions: int | None = None
    builds_under_way: int | None = None
    you: Line | None = None
    projects: list[ProjectRow] | None = None
    ready: list[TicketRow] | None = None
    you_hold: list[HeldRow] | None = None
    questions: list[QuestionRow] | None = None


def _tell(result: Overview, reader: Reader) -> OverviewAnswer:
    counts = result.counts
    return OverviewAnswer(
        message=" ".join(_words(result, reader)),
        own_project=reader.own_project,
        stages=counts and _some(counts.stages),
        priorities=counts and _some(counts.priorities),
        waits_for=counts and _some(counts.roles),
        pending_suggestions=counts and counts.pending_suggestions,
        builds_under_way=counts and counts.builds_under_way,
        you=result.me,
        projects=[ProjectRow(project=one.slug or one.id, name=one.name) for one in result.projects]
        or None,
        ready=[ticket_row(ticket) for ticket in result.ready] or None,
        you_hold=[_held_row(one) for one in result.held] or None,
        questions=[question_row(one) for one in result.asked] or None,
    )


def _words(result: Overview, reader: Reader) -> list[str]:
    name = reader.named_project or reader.own_project
    if result.counts is None:
        return ["The API tells no more than which projects there are; find_tickets lists tickets."]
    words = [_open_tickets(name, result.counts)]
    if result.more_projects:
        words.append(f"There are more projects than the {len(result.projects)} named.")
    if result.held:
        words.append("You hold roles already: go on with those first (you_hold).")
    if result.asked:
        words.append("Questions wait for an answer: add_message with answers.")
    if result.ready and reader.may_write:
        words.append("Next: take_ticket with your role takes the most urgent that is ready.")
    if result.counts.builds_under_way and not reader.builds_start:
        words.append("Nobody is told of builds here (BUILD_DISPATCH_URL is not set).")
    return words


def _open_tickets(name: str, counts: Counts) -> str:
    numbers = [number for stage, number in counts.stages.items() if stage != LIVE]
    many = "more than " if max(numbers) > COUNTED else ""
    there_are = sum(min(number, COUNTED) for number in numbers)
    told = f"{many}{there_are:,}" if there_are else "no"
    return f"Project {name} has {told} open ticket{'s' if there_are > 1 else ''}."


def _some(counts: dict[str, int]) -> dict[str, int] | None:
    """Return the counts of what there is at all."""
    return {name: number for name, number in counts.items() if number} or None


def _held_row(held: HeldRole) -> HeldRow:
    return HeldRow(
        ticket=held.ticket,
        role=held.take.role,
        over_at=moment(held.take.until),
        stale=held.take.stale or None,
        parked=held.take.parked,
        title=held.title,
    )


def question_row(message: Message) -> QuestionRow:
    """Return a message that waits for an answer as lists show it."""
    return QuestionRow(
        ticket=message.ticket,
        to_role=message.to_role,
        message_id=message.id,
        at=moment(message.created_at),
        by=message.author,
        body=shortened(message.body, BODY_SHOWN),
    )


GET_OVERVIEW = Tool(
    name="get_overview",
    title="Overview",
    description=(
        "See who you are, which projects there are and which is yours, and of one: what is ready to"
        " be taken, what you hold, questions for a role, counts."
    ),
    request=GetOverview,
    perform=Desk.get_overview,
    answer=OverviewAnswer,
    tell=_tell,
    reads=True,
    app=BOARD,
)
