"""Requests as a bot would make them, valid unless told otherwise."""

from typing import Any

from mcp_handoff.actors import BOT
from mcp_handoff.builds import FindBuilds, UpdateBuild
from mcp_handoff.suggestions import ActOnSuggestion, ListSuggestions, SuggestClose
from mcp_handoff.tickets import CreateTicket, FindTickets, GetTicket, TriggerBotBuild
from mcp_handoff.validation import parse

TICKET: dict[str, Any] = {
    "title": "Checkout fails at 100 items",
    "description": "POST /checkout answers 500 from the 100th item on.",
    "request_type": "bug",
    "roles": ["backend"],
}
"""The arguments of a create_ticket that succeeds."""


def create_ticket(**arguments: Any) -> CreateTicket:
    return parse(CreateTicket, {**TICKET, **arguments}, BOT)


def find_tickets(**arguments: Any) -> FindTickets:
    return parse(FindTickets, arguments, BOT)


def get_ticket(ticket: str | int, **arguments: Any) -> GetTicket:
    return parse(GetTicket, {"ticket": ticket, **arguments}, BOT)


def trigger_bot_build(ticket: str | int, **arguments: Any) -> TriggerBotBuild:
    return parse(TriggerBotBuild, {"ticket": ticket, **arguments}, BOT)


def suggest_close(ticket: str | int, **arguments: Any) -> SuggestClose:
    return parse(SuggestClose, {"ticket": ticket, "evidence": {"pr": 7}, **arguments}, BOT)


def list_suggestions(**arguments: Any) -> ListSuggestions:
    return parse(ListSuggestions, arguments, BOT)


def execute(suggestion_id: str, **arguments: Any) -> ActOnSuggestion:
    return parse(
        ActOnSuggestion, {"suggestion_id": suggestion_id, "action": "execute", **arguments}, BOT
    )


def decline(suggestion_id: str, **arguments: Any) -> ActOnSuggestion:
    return execute(suggestion_id, **{"action": "decline", **arguments})


def find_builds(**arguments: Any) -> FindBuilds:
    return parse(FindBuilds, arguments, BOT)


def update_build(build_id: str, **arguments: Any) -> UpdateBuild:
    return parse(UpdateBuild, {"build_id": build_id, **arguments}, BOT)
