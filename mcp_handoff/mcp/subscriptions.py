"""Who is told when a resource changes: subscribers in all protocol revisions."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import (
    EmptyResult,
    ResourceUpdatedNotification,
    ResourceUpdatedNotificationParams,
    SubscribeRequestParams,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from mcp_handoff.changes import Following
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import Forbidden, HandoffError, NotFound, ValidationFailed
from mcp_handoff.events import EVERYTHING, Change
from mcp_handoff.mcp import resources
from mcp_handoff.mcp.protocol_errors import protocol_error
from mcp_handoff.mcp.resources import OPEN_TICKETS
from mcp_handoff.mcp.responses import event, message
from mcp_handoff.mcp.sdk import connection_of
from mcp_handoff.mcp.subscriber import Subscriber
from mcp_handoff.pace import Pace
from mcp_handoff.principals import Principal

WATCHED = 100
"""How many addresses a stream or a session subscribes to at most: each is looked up once, and takes
its place in the server's memory."""

URI_LENGTH = 255
"""How long one of them is at most; ours have 60 to 80 characters."""

RESPONSE = "mcp_handoff.response"
"""Where the scope of a request over HTTP has the function that sends parts of its response."""

_OF_THE_BOARD = (
    "ticket.created",
    "suggestion.executed",
    "suggestion.declined",
    "suggestion.skipped",
)

_EVERYONE = "*"
"""Stands for a project of which everyone may hear that watches what changed."""

RequestContext = ServerRequestContext[Any, Any]
Watched = Mapping[str, str]
"""Addresses, and what each leads to: see `resources.identify`."""


class Subscriptions:
    """Fans changes out to listen streams (2026-07-28) and to resources/subscribe (before it).

    Nobody hears of what it may not read. A change only leaves a mark at what it touched; those that
    watch it are told one after the other, beside the calls.
    """

    def __init__(self, desk: Desk, visitor_of: Callable[[RequestContext], Visitor]) -> None:
        self._desk = desk
        self._visitor_of = visitor_of
        self._watching = defaultdict[str, set[tuple[Subscriber, str]]](set)
        self._listening = set[Subscriber]()
        self._sessions: dict[str | int, Subscriber] = {}
        self._open_streams = Counter[str]()
        self._untold: dict[tuple[str, str | None], None] = {}
        """What was touched, and in which project: None for one that is not known."""
        self._touched = asyncio.Event()
        self._following = Following(desk.changes, self._mark, self._end_all)
        self._telling: TaskGroup | None = None
        self._ended = False

    async def listen(
        self, context: RequestContext, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve a listen stream for those of its resources that there are for the caller."""
        visitor = self._admitted(context)
        asked = params.notifications.resource_subscriptions or ()
        _require_few(asked)
        watched: dict[str, str] = {}
        for uri in asked:
            # What there is not is told by the acknowledgement, which leaves it out.
            with suppress(NotFound, ValidationFailed, Forbidden):
                watched[uri] = await resources.identify(self._desk, visitor, uri)
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: context.request_id}
        acknowledged = SubscriptionsAcknowledgedNotificationParams(
            notifications=SubscriptionFilter(resource_subscriptions=list(watched) or None),
            _meta=meta,
        )
        async with self._listener(visitor.principal, watched) as subscriber:
            await context.session.send_notification(
                SubscriptionsAcknowledgedNotification(params=acknowledged),
                related_request_id=context.request_id,
            )
            tell = _telling(context, meta)
            async for uri in subscriber:
                await tell(uri)
        return SubscriptionsListenResult(_meta=meta)

    async def subscribe(
        self, context: RequestContext, params: SubscribeRequestParams
    ) -> EmptyResult:
        """Notify a session of a resource's changes until it unsubscribes or ends."""
        visitor = self._admitted(context)
        session = self._sessions.get(_key(connection_of(context.session)))
        _require_few([*(session.watched if session else ()), params.uri])
        try:
            subject = await resources.identify(self._desk, visitor, params.uri)
        except HandoffError as error:
            raise protocol_error(error, uri=params.uri) from None
        subscriber = self._session(connection_of(context.session), visitor.principal)
        await self._watch(subscriber, {params.uri: subject})
        return EmptyResult()

    async def unsubscribe(
        self, context: RequestContext, params: UnsubscribeRequestParams
    ) -> EmptyResult:
        if subscriber := self._sessions.get(_key(connection_of(context.session))):
            self._unwatch(subscriber, [params.uri])
        return EmptyResult()

    @asynccontextmanager
    async def announcing(self) -> AsyncGenerator[None]:
        """Notify the subscribers of every change while this is entered."""
        async with anyio.create_task_group() as self._telling:
            self._telling.start_soon(self._tell_in_turn)
            yield
            self._telling.cancel_scope.cancel()

    @contextmanager
    def stream_open(self, session_id: str) -> Generator[None]:
        """Take note that a session over HTTP can hear while this is entered. What changes for it in
        the meantime it is told when it can hear again."""
        self._open_streams[session_id] += 1
        self._set_hearing(session_id)
        try:
            yield
        finally:
            self._open_streams -= Counter([session_id])
            self._set_hearing(session_id)

    def end_streams(self) -> None:
        """End every listen stream, open or still to come, in good order."""
        self._ended = True
        self._end_all()

    def _end_all(self) -> None:
        for subscriber in self._listening:
            subscriber.end()

    def _admitted(self, context: RequestContext) -> Visitor:
        visitor = self._visitor_of(context)
        if visitor.admission.refusal is not None:
            raise protocol_error(visitor.admission.refusal)
        return visitor

    @asynccontextmanager
    async def _listener(self, principal: Principal, watched: Watched) -> AsyncGenerator[Subscriber]:
        subscriber = Subscriber(principal, hears=True)
        self._listening.add(subscriber)
        if self._ended:  # what comes now is acknowledged and ends like the others
            subscriber.end()
        try:
            if watched:
                await self._watch(subscriber, watched)
            yield subscriber
        finally:
            self._listening.discard(subscriber)
            self._unwatch(subscriber, watched)

    def _session(self, connection: Connection, principal: Principal) -> Subscriber:
        """Return the subscriber of a session, made at its first subscription."""
        key = _key(connection)
        if key not in self._sessions:
            has_stream = connection.session_id is None or key in self._open_streams
            subscriber = Subscriber(principal, hears=has_stream)
            self._sessions[key] = subscriber
            connection.exit_stack.callback(self._forget, key)
            if self._telling is not None:
                self._telling.start_soon(_tell, connection, subscriber)
        return self._sessions[key]

    def _forget(self, key: str | int) -> None:
        subscriber = self._sessions.pop(key)
        self._unwatch(subscriber, list(subscriber.watched))
        subscriber.end()

    def _set_hearing(self, session_id: str) -> None:
        if subscriber := self._sessions.get(session_id):
            subscriber.hears = session_id in self._open_streams
            subscriber.wake()

    async def _watch(self, subscriber: Subscriber, watched: Watched) -> None:
        """Have a subscriber told of what changes at these addresses from now on."""
        for uri, subject in watched.items():
            subscriber.watched[uri] = subject
            self._watching[subject].add((subscriber, uri))
        try:
            await self._following.join(subscriber)
        except HandoffError as error:
            self._unwatch(subscriber, watched)
            raise protocol_error(error) from None

    def _unwatch(self, subscriber: Subscriber, uris: Iterable[str]) -> None:
        for uri in uris:
            if subject := subscriber.watched.pop(uri, None):
                self._watching[subject].discard((subscriber, uri))
                if not self._watching[subject]:
                    del self._watching[subject]
        if not subscriber.watched:
            self._following.leave(subscriber)

    def _mark(self, change: Change) -> None:
        """Have those told that watch what a change touched, and may hear of it."""
        for subject in self._watching if change == EVERYTHING else _touched_by(change):
            if subject in self._watching:
                is_limited = subject == OPEN_TICKETS and change != EVERYTHING
                self._untold[subject, change.project if is_limited else _EVERYONE] = None
                self._touched.set()

    async def _tell_in_turn(self) -> None:
        while True:
            await self._touched.wait()
            self._touched.clear()
            while self._untold:
                touched, self._untold = self._untold, {}
                await self._tell_of(touched)

    async def _tell_of(self, touched: Iterable[tuple[str, str | None]]) -> None:
        """Tell all in turn, once whoever wrote is answered."""
        pace = Pace()
        for subject, project in touched:
            for subscriber, uri in [*self._watching.get(subject, ())]:
                await pace.give_way()
                if _may_hear(subscriber.principal, project):
                    subscriber.mark(uri)


def _telling(context: RequestContext, meta: Mapping[str, Any]) -> Callable[[str], Awaitable[None]]:
    """Return what tells a listen stream that an address changed.

    Over HTTP it is written past the SDK, whose way to the same bytes takes twice as long: that is
    what decides how many hear of a change in time.
    """
    request = context.request

    async def notify(uri: str) -> None:
        updated = ResourceUpdatedNotificationParams(uri=uri, _meta=dict(meta))
        await context.session.send_notification(
            ResourceUpdatedNotification(params=updated), related_request_id=context.request_id
        )

    if request is None or RESPONSE not in request.scope:
        return notify
    send = request.scope[RESPONSE]

    async def write(uri: str) -> None:
        params = {"_meta": meta, "uri": uri}
        told = event(message(method="notifications/resources/updated", params=params))
        await send({"type": "http.response.body", "body": told, "more_body": True})

    return write


async def _tell(connection: Connection, subscriber: Subscriber) -> None:
    async for uri in subscriber:
        await connection.send_resource_updated(uri)


def _key(connection: Connection) -> str | int:
    """Return what tells a session's connection from every other."""
    return connection.session_id or id(connection)


def _require_few(uris: Iterable[str]) -> None:
    """Refuse (-32602) more addresses than are watched at once, or one that is too long."""
    distinct = set(uris)
    if too_long := max((uri for uri in distinct if len(uri) > URI_LENGTH), key=len, default=""):
        why = f"has {len(too_long):,} characters, and an address of ours is never that long"
        raise protocol_error(ValidationFailed.at("uri", why, f"{URI_LENGTH} at most"))
    if len(distinct) > WATCHED:
        why = f"would be one of {len(distinct):,}; {WATCHED} are watched at once"
        advice = "watch handoff://tickets, which changes with every open ticket"
        raise protocol_error(ValidationFailed.at("uri", why, advice))


def _touched_by(change: Change) -> list[str]:
    """Return what a change touched: see `resources.identify`."""
    board = OPEN_TICKETS if change.kind in _OF_THE_BOARD else None
    touched = (board, change.ticket_id, change.build_id)
    return [subject.lower() for subject in touched if subject]


def _may_hear(principal: Principal, project: str | None) -> bool:
    """Tell whether a principal may hear that something of a project changed; where it is not known
    which, only those may who see all."""
    return principal.projects is None or project == _EVERYONE or project in principal.projects
