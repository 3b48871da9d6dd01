"""Requests as a bot would make them, valid unless told otherwise."""

from typing import Any

from mcp_handoff.actors import BOT
from mcp_handoff.builds import FindBuilds, ReportBuild, UpdateBuild
from mcp_handoff.events import ListEvents
from mcp_handoff.messages import AddMessage, ListMessages, ListQuestions
from mcp_handoff.overview import GetOverview
from mcp_handoff.suggestions import ActOnSuggestion, ListSuggestions, SuggestClose
from mcp_handoff.tickets import (
    CreateTicket,
    FindAllTickets,
    FindTickets,
    GetTicket,
    TriggerBotBuild,
)
from mcp_handoff.validation import Arguments
from mcp_handoff.work import TakeTicket, UpdateTicket

TICKET: dict[str, Any] = {
    "title": "Checkout fails at 100 items",
    "description": "POST /checkout answers 500 from the 100th item on.",
    "request_type": "bug",
    "roles": ["backend"],
}
"""The arguments of a create_ticket that succeeds."""


def create_ticket(**arguments: Any) -> CreateTicket:
    return Arguments(CreateTicket, {**TICKET, **arguments}).parse(BOT)


def find_tickets(**arguments: Any) -> FindTickets:
    return Arguments(FindTickets, arguments).parse(BOT)


def find_all_tickets(**arguments: Any) -> FindAllTickets:
    return Arguments(FindAllTickets, arguments).parse(BOT)


def get_ticket(ticket: str | int, **arguments: Any) -> GetTicket:
    return Arguments(GetTicket, {"ticket": ticket, **arguments}).parse(BOT)


def take_ticket(role: str, **arguments: Any) -> TakeTicket:
    return Arguments(TakeTicket, {"role": role, **arguments}).parse(BOT)


def update_ticket(ticket: str | int, **arguments: Any) -> UpdateTicket:
    return Arguments(UpdateTicket, {"ticket": ticket, **arguments}).parse(BOT)


def add_message(ticket: str | int, body: str, **arguments: Any) -> AddMessage:
    return Arguments(AddMessage, {"ticket": ticket, "body": body, **arguments}).parse(BOT)


def list_questions(**arguments: Any) -> ListQuestions:
    return Arguments(ListQuestions, arguments).parse(BOT)


def list_messages(ticket: str | int, **arguments: Any) -> ListMessages:
    return Arguments(ListMessages, {"ticket": ticket, **arguments}).parse(BOT)


def get_overview(**arguments: Any) -> GetOverview:
    return Arguments(GetOverview, arguments).parse(BOT)


def trigger_bot_build(ticket: str | int, **arguments: Any) -> TriggerBotBuild:
    return Arguments(TriggerBotBuild, {"ticket": ticket, **arguments}).parse(BOT)


def suggest_close(ticket: str | int, **arguments: Any) -> SuggestClose:
    return Arguments(SuggestClose, {"ticket": ticket, "evidence": {"pr": 7}, **arguments}).parse(
        BOT
    )


def list_suggestions(**arguments: Any) -> ListSuggestions:
    return Arguments(ListSuggestions, arguments).parse(BOT)


def execute(suggestion_id: str, **arguments: Any) -> ActOnSuggestion:
    given = {"suggestion_id": suggestion_id, "action": "execute", **arguments}
    return Arguments(ActOnSuggestion, given).parse(BOT)


def decline(suggestion_id: str, **arguments: Any) -> ActOnSuggestion:
    return execute(suggestion_id, **{"action": "decline", **arguments})


def list_events(**arguments: Any) -> ListEvents:
    return Arguments(ListEvents, arguments).parse(BOT)


def find_builds(**arguments: Any) -> FindBuilds:
    return Arguments(FindBuilds, arguments).parse(BOT)


def update_build(build_id: str, **arguments: Any) -> UpdateBuild:
    return Arguments(UpdateBuild, {"build_id": build_id, **arguments}).parse(BOT)


def report_build(status: str, **arguments: Any) -> ReportBuild:
    return Arguments(ReportBuild, {"status": status, **arguments}).parse(BOT)
