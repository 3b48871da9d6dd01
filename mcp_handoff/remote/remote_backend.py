"""The Backend over an API: each operation bound to the two clients that it speaks through."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import wraps
from types import CoroutineType
from typing import Any, TypeVar

from mcp_handoff.actors import Caller
from mcp_handoff.changes import ChangeFeed
from mcp_handoff.events import Change
from mcp_handoff.principals import Identity
from mcp_handoff.remote import (
    builds,
    events,
    messages,
    overview,
    projects,
    redactions,
    suggestions,
    tickets,
    work,
)
from mcp_handoff.remote.api import Api
from mcp_handoff.remote.client import ApiClient

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")


def _method(
    operation: Callable[[Api, Caller, RequestT], Coroutine[Any, Any, ResultT]],
) -> Callable[["RemoteBackend", Caller, RequestT], "CoroutineType[Any, Any, ResultT]"]:
    """Return an operation as the method of its name."""

    @wraps(operation)
    async def method(backend: "RemoteBackend", caller: Caller, request: RequestT, /) -> ResultT:
        return await operation(backend.api, caller, request)

    return method


class RemoteBackend:
    """Speaks to a ticket API and a builds API; see `Backend` for what the operations promise.

    What an API documents no endpoint for raises Unsupported, and names it.
    """

    def __init__(self, tickets: ApiClient, builds: ApiClient) -> None:
        self.api = Api(tickets, builds, ChangeFeed())

    create_ticket = _method(tickets.create_ticket)
    find_tickets = _method(tickets.find_tickets)
    find_all_tickets = _method(tickets.find_all_tickets)
    get_ticket = _method(tickets.get_ticket)
    take_ticket = _method(work.take_ticket)
    update_ticket = _method(work.update_ticket)
    add_message = _method(messages.add_message)
    list_messages = _method(messages.list_messages)
    trigger_bot_build = _method(tickets.trigger_bot_build)
    redact_ticket = _method(redactions.redact_ticket)
    list_suggestions = _method(suggestions.list_suggestions)
    suggest_close = _method(suggestions.suggest_close)
    act_on_suggestion = _method(suggestions.act_on_suggestion)
    find_builds = _method(builds.find_builds)
    create_build = _method(builds.create_build)
    get_build = _method(builds.get_build)
    update_build = _method(builds.update_build)
    report_build = _method(builds.report_build)
    get_overview = _method(overview.get_overview)
    list_projects = _method(projects.list_projects)
    create_project = _method(projects.create_project)
    list_events = _method(events.list_events)

    async def whoami(self) -> Identity:
        return await projects.whoami(self.api)

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        return self.api.feed.subscribe()

    async def check_ready(self) -> None:
        await projects.check_ready(self.api)

    async def close(self) -> None:
        await self.api.tickets.close()
        await self.api.builds.close()
