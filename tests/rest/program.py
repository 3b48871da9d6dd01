"""The desk as a program sees it: the calls of the tools, made over REST."""

from collections.abc import Mapping
from string import Formatter
from typing import Any, cast

import httpx2

from tests.requests import TICKET

PLACE = {"project": "shop", "org": "default"}
"""Where a call goes that names no place; over MCP the server's settings say it."""

PROJECT, BUILDS = "/api/projects/{project}", "/api/v1/org/{org}/builds"
TICKETS, SUGGESTIONS = f"{PROJECT}/tickets", f"{PROJECT}/ai-suggestions"
NEXT = f"{PROJECT}/take"
"""Where the next ticket is taken, whichever that is."""

CALLS: Mapping[str, tuple[str, str]] = {
    "create_ticket": ("POST", TICKETS),
    "find_tickets": ("GET", TICKETS),
    "get_ticket": ("GET", f"{TICKETS}/{{ticket}}"),
    "take_ticket": ("POST", f"{TICKETS}/{{ticket}}/take"),
    "update_ticket": ("PATCH", f"{TICKETS}/{{ticket}}"),
    "add_message": ("POST", f"{TICKETS}/{{ticket}}/messages"),
    "trigger_bot_build": ("POST", f"{TICKETS}/{{ticket}}/trigger-bot-build"),
    "suggest_close": ("POST", SUGGESTIONS),
    "list_suggestions": ("GET", SUGGESTIONS),
    "act_on_suggestion": ("POST", f"{SUGGESTIONS}/{{suggestion_id}}/action"),
    "find_builds": ("GET", BUILDS),
    "report_build": ("POST", f"{BUILDS}/{{build_id}}/report"),
    "update_build": ("PATCH", f"{BUILDS}/{{build_id}}"),
}
"""Each tool's call: its method and its path, filled with arguments of the tool."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "create_ticket": {"priority": "medium", "blocking": False},
    "find_tickets": {"status": "open", "slim": 1},
    "find_builds": {"project": PLACE["project"]},
}
"""What a tool takes for granted and REST has to be told."""

NAMES: Mapping[str, Mapping[str, str]] = {
    "find_tickets": {"query": "q"},
    "suggest_close": {"ticket": "ticket_id"},
}
"""Arguments that have another name over REST."""


class Program:
    """Does over REST what `Agent` does over MCP, and tells it in the same words."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer of a call that succeeds, without what is null."""
        answered = await self._send(tool, arguments)
        assert answered.is_success, answered.text
        return _without_nulls(answered.json())

    async def refusal(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the error of a call that the ticket API refuses, as a tool tells it."""
        answered = await self._send(tool, arguments)
        assert answered.is_client_error, answered.text
        error = answered.json()
        names = {"message": "error", "code": "code", "fields": "fieldErrors", "state": "state"}
        return {name: error[key] for name, key in names.items() if key in error}

    async def file_ticket(self, **arguments: Any) -> str:
        """Return the name of a ticket that was filed."""
        filed = await self.call("create_ticket", **{**TICKET, **arguments})
        return filed["ticket"]["reference"]

    async def trigger(self, ticket: int | str, **arguments: Any) -> str:
        """Return the id of the build that a ticket's run makes."""
        triggered = await self.call("trigger_bot_build", ticket=ticket, **arguments)
        return triggered["ticket"]["ai_output"]["build_run"]["build_id"]

    async def suggest(self, ticket: int | str, **arguments: Any) -> str:
        """Return the id of a suggestion to close a ticket."""
        told = {"evidence": {"pr": 7}, **arguments}
        return (await self.call("suggest_close", ticket=ticket, **told))["suggestion"]["id"]

    async def act(self, suggestion: str, action: str, **arguments: Any) -> dict[str, Any]:
        """Return what became of a suggestion, and of its ticket."""
        about = {"suggestion_id": suggestion, "action": action, **arguments}
        acted = await self.call("act_on_suggestion", **about)
        applied = dict(acted.get("apply_result", {}))
        stage = {"stage": applied.pop("new_stage")} if applied else {}
        return {**acted["suggestion"], **applied, **stage}

    async def find(self, **arguments: Any) -> list[str]:
        """Return the names of the tickets on a page."""
        page = await self.call("find_tickets", **arguments)
        return [ticket["reference"] for ticket in page["tickets"]]

    async def builds(self, **arguments: Any) -> list[str]:
        """Return the ids of the builds on a page."""
        return [row["id"] for row in (await self.call("find_builds", **arguments))["items"]]

    async def whole(self, ticket: int | str) -> dict[str, Any]:
        """Return a ticket with all that is kept of it, its suggestions, builds and events."""
        return await self.call("get_ticket", ticket=ticket)

    async def _send(self, tool: str, arguments: Mapping[str, Any]) -> httpx2.Response:
        method, path = CALLS[tool]
        given = {**DEFAULTS.get(tool, {}), **arguments}
        if tool == "take_ticket" and "ticket" not in given:
            path = NEXT
        if tool == "update_ticket" and "role" in given:
            turned = {"role": given.pop("role"), "status": given.pop("role_status")}
            given["role_status"] = {**turned, "work_started_note": given.pop("note", None)}
        given |= dict.fromkeys(given.pop("clear", ()))  # over REST null clears
        headers = {"Idempotency-Key": given.pop("idempotency_key", None)}
        places = {name: given.pop(name, PLACE.get(name)) for name in _names(path)}
        names = NAMES.get(tool, {})
        told = {names.get(name, name): value for name, value in given.items()}
        flags = {name: int(value) for name, value in told.items() if isinstance(value, bool)}
        return await self._http.request(
            method,
            path.format(**places),
            headers={name: value for name, value in headers.items() if value},
            params={**told, **flags} if method == "GET" else None,
            json=None if method == "GET" else told,
        )


def _names(path: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(path) if name]


def _without_nulls(value: Any) -> Any:
    match value:
        case dict():
            members = cast(dict[str, Any], value)
            return {
                name: _without_nulls(member)
                for name, member in members.items()
                if member is not None
            }
        case list():
            return [_without_nulls(item) for item in cast(list[Any], value)]
        case _:
            return value
