"""`mcp-handoff inbox`: what waits for an agent, as it reads it when its session begins."""

import argparse
from dataclasses import replace

import anyio

from mcp_handoff.actors import bot
from mcp_handoff.cli.running import run
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import BackendUnavailable, NotFound
from mcp_handoff.mcp.answers import Answer, result_of
from mcp_handoff.mcp.tools.overview import QuestionRow, question_row
from mcp_handoff.mcp.tools.tickets import TicketRow, ticket_row
from mcp_handoff.overview import SHOWN, GetOverview, Overview
from mcp_handoff.takes import ME
from mcp_handoff.tickets import FindTickets, TicketPage
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import open_backend

SECONDS = 2.0
"""How long the backend may take: a session that begins waits for this."""


class Inbox(Answer):
    """What waits for an agent in its project, at most SHOWN of each kind."""

    THEIRS = "held_under_your_name"

    held_under_your_name: list[TicketRow] | None = None
    questions: list[QuestionRow] | None = None
    ready: list[TicketRow] | None = None


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_show_inbox)


def _show_inbox(_: argparse.Namespace, settings: Settings) -> int:
    """Print what waits for HANDOFF_ACTOR_ID, or for the token of the API; nothing where nothing
    does. A store is neither made nor migrated for it."""
    reading = replace(settings, read_only=True)
    try:
        backend = open_backend(reading, migrates=False)
    except NotFound:
        return 0  # no store yet, so nothing waits in it
    desk = Desk(backend, reading)
    visitor = Visitor("cli", bot(settings.actor_id))
    held = {"taken_by": ME, "order": "urgency", "slim": True, "limit": SHOWN}

    async def show() -> None:
        overview = await desk.get_overview(visitor, Arguments(GetOverview))
        if overview.counts is None:
            return  # an API that tells no more than its projects
        mine = await desk.find_tickets(visitor, Arguments(FindTickets, held))
        if overview.ready or overview.asked or mine.tickets:
            print(result_of(_inbox(settings.project, overview, mine)).text)

    async def show_in_time(_: object) -> None:
        try:
            with anyio.fail_after(SECONDS):
                await show()
        except NotFound:
            return  # no project of this name yet, so nothing waits in it
        except TimeoutError:
            raise BackendUnavailable(f"The desk did not answer within {SECONDS:g} s.") from None

    return run(backend, reading, show_in_time)


def _inbox(project: str, overview: Overview, mine: TicketPage) -> Inbox:
    words = [f"This waits at the handoff desk, in project {project}."]
    if mine.tickets:
        words.append(
            "What is held under your name was taken by this session or another one: go on with what"
            " is yours first, and leave what another session still works on."
        )
    if overview.asked:
        words.append("Questions wait for an answer: add_message with answers.")
    if overview.ready:
        words.append("take_ticket with your role takes the most urgent that is ready.")
    return Inbox(
        message=" ".join(words),
        held_under_your_name=[ticket_row(ticket) for ticket in mine.tickets] or None,
        questions=[question_row(message) for message in overview.asked] or None,
        ready=[ticket_row(ticket) for ticket in overview.ready] or None,
    )
