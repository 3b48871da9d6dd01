"""Who is notified when a resource changes: subscribers in all protocol revisions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp_types import (
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from mcp_handoff.events import Change
from mcp_handoff.mcp.resources import OPEN_TICKETS
from mcp_handoff.mcp.sdk import connection_of

NOTIFY_SECONDS = 1.0
"""How long a client that does not read may keep the others waiting; then it is notified no more."""

_OF_THE_BOARD = (
    "ticket.created",
    "suggestion.executed",
    "suggestion.declined",
    "suggestion.skipped",
)

RequestContext = ServerRequestContext[Any, Any]
Readable = Callable[[RequestContext, Sequence[str]], Awaitable[list[str]]]
"""Returns those of the addresses that the caller may read."""


class Subscriptions:
    """Fans changes out to listen streams (2026-07-28) and to resources/subscribe (before it).

    Nobody hears of what it may not read.
    """

    def __init__(self, readable: Readable) -> None:
        self.bus = InMemorySubscriptionBus()
        self._readable = readable
        self._listening = ListenHandler(self.bus)
        self._ended = False
        self._sessions: dict[str, dict[int, ServerSession]] = {}

    async def listen(
        self, context: RequestContext, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve a listen stream for those of its resources that the caller may read."""
        asked = params.notifications
        uris = await self._readable(context, asked.resource_subscriptions or ())
        allowed = asked.model_copy(update={"resource_subscriptions": uris})
        if self._ended:  # what comes now is acknowledged and ends like the others
            asyncio.get_running_loop().call_soon(self._listening.close)
        return await self._listening(context, params.model_copy(update={"notifications": allowed}))

    async def subscribe(
        self, context: RequestContext, params: SubscribeRequestParams
    ) -> EmptyResult:
        """Notify a session of a resource's changes until it unsubscribes or ends."""
        for uri in await self._readable(context, [params.uri]):
            connection = connection_of(context.session)
            subscribed = self._sessions.setdefault(uri, {})
            if id(connection) not in subscribed:
                connection.exit_stack.callback(self._forget, uri, id(connection))
            subscribed[id(connection)] = context.session
        return EmptyResult()

    async def unsubscribe(
        self, context: RequestContext, params: UnsubscribeRequestParams
    ) -> EmptyResult:
        self._forget(params.uri, id(connection_of(context.session)))
        return EmptyResult()

    async def notify_of_each(self, changes: AsyncIterator[Change]) -> None:
        """Notify the subscribers of every change until cancelled."""
        async for change in changes:
            for uri in changed_by(change):
                await self.bus.publish(ResourceUpdated(uri=uri))
                async with anyio.create_task_group() as group:
                    for connection, session in self._sessions.get(uri, {}).items():
                        group.start_soon(self._notify, uri, connection, session)

    def end_streams(self) -> None:
        """End every listen stream, open or still to come, in good order."""
        self._ended = True
        self._listening.close()

    async def _notify(self, uri: str, connection: int, session: ServerSession) -> None:
        with anyio.move_on_after(NOTIFY_SECONDS) as sending:
            await session.send_resource_updated(uri)
        if sending.cancelled_caught:
            self._forget(uri, connection)

    def _forget(self, uri: str, connection: int) -> None:
        subscribed = self._sessions.get(uri, {})
        subscribed.pop(connection, None)
        if not subscribed:
            self._sessions.pop(uri, None)


def changed_by(change: Change) -> list[str]:
    """Return the resources that a change touched."""
    board = [OPEN_TICKETS] if change.kind in _OF_THE_BOARD else []
    tickets = [f"handoff://tickets/{name}" for name in (change.ticket_id, change.reference) if name]
    builds = [f"handoff://builds/{change.build_id}"] if change.build_id else []
    return [*board, *tickets, *builds]
