"""Live pages: each open one is told what changes in its project, of a ticket with its card.

Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html):

- `card`: a ticket that changed, `{"ticket", "html"}`.
- `changed`: something else changed, or more than is told one by one: read the page again.
- `beat`: nothing changed for a while.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from starlette.responses import Response, StreamingResponse

from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import HandoffError, NotFound
from mcp_handoff.events import EVERYTHING, Change
from mcp_handoff.html.environment import template_named
from mcp_handoff.portal.cards import Card
from mcp_handoff.portal.visits import Visit
from mcp_handoff.signals import signals_of
from mcp_handoff.tickets import GetTicket
from mcp_handoff.validation import Arguments

GATHER_SECONDS = 0.1
"""For how long changes are gathered before pages are told: a ticket's card is made once for all."""

MOST_CARDS = 50
"""How many tickets' cards are told at once; with one more, that the page has to be read again."""

WAITING = 64
"""How many events wait for a page that takes them slowly."""

BEAT_SECONDS = 20.0
"""How often a page hears that it still hears."""

_CHANGED = b"event: changed\ndata:\n\n"
_BEAT = b"event: beat\ndata:\n\n"


@dataclass(eq=False, slots=True)
class _Stream:
    """An open page, and what it is not told of yet; None ends it."""

    visitor: Visitor
    project: str
    untold: asyncio.Queue[bytes | None] = field(
        default_factory=lambda: asyncio.Queue[bytes | None](WAITING)
    )

    def tell(self, event: bytes | None) -> None:
        """Pass an event on, in place of all that wait where these are too many."""
        if self.untold.full():
            while not self.untold.empty():
                self.untold.get_nowait()
            event = event and _CHANGED
        self.untold.put_nowait(event)


class LivePages:
    """The pages that are open. However many there are, changes are followed once, and while there
    is none, not at all; the database is asked for nothing but what changed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._streams = set[_Stream]()
        self._following: asyncio.Task[None] | None = None
        self._followed = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self._gathered: list[Change] = []
        self._ended = False

    async def show_changes(self, visit: Visit) -> Response:
        """Tell a page what changes in its project from now on. Raises NotFound."""
        project = visit.desk.own_project(visit.visitor)
        if not visit.visitor.principal.may_see(project):
            raise NotFound("There is no such project, or not for this token.")
        events = self._events(_Stream(visit.visitor, project))
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    def end(self) -> None:
        """End every stream, and those that are opened from now on."""
        self._ended = True
        self._tell_all(None)

    async def _events(self, stream: _Stream) -> AsyncGenerator[bytes]:
        self._streams.add(stream)
        try:
            if self._ended:
                return
            if self._following is None:
                self._following = asyncio.create_task(self._follow())
            await self._followed.wait()
            yield b"event: open\ndata:\n\n"
            while True:
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        event = await stream.untold.get()
                except TimeoutError:
                    event = _BEAT
                if event is None:
                    return
                yield event
        finally:
            self._streams.discard(stream)
            if not self._streams and self._following is not None:
                self._following.cancel()

    async def _follow(self) -> None:
        """Gather the changes until nobody listens; where they can't be followed any longer, the
        pages come again."""
        try:
            async with self._desk.changes() as changes:
                self._followed.set()
                async for change in changes:
                    self._gather(change)
        except HandoffError:
            self._tell_all(None)
        finally:
            self._following = None
            self._followed.set()
            self._followed = asyncio.Event()

    def _gather(self, change: Change) -> None:
        if len(self._gathered) > MOST_CARDS:
            change = EVERYTHING
        if change == EVERYTHING:
            self._gathered.clear()
        self._gathered.append(change)
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """Tell the pages of what was gathered, until there is nothing more."""
        try:
            while self._gathered:
                await asyncio.sleep(GATHER_SECONDS)
                gathered, self._gathered = self._gathered, []
                tickets = {one.reference: one.project for one in gathered if one.reference}
                if any(change.reference is None for change in gathered):
                    self._tell_all(_CHANGED)
                for ticket, project in tickets.items():
                    streams = [one for one in self._streams if one.project == project]
                    if streams:
                        event = await self._card(streams[0].visitor, ticket)
                        for stream in streams:
                            stream.tell(event)
        finally:
            self._telling = None

    def _tell_all(self, event: bytes | None) -> None:
        for stream in self._streams:
            stream.tell(event)

    async def _card(self, visitor: Visitor, ticket: str) -> bytes:
        """Return the event of a ticket that changed: whoever sees its project sees the same."""
        try:
            detail = await self._desk.get_ticket(visitor, Arguments(GetTicket, {"ticket": ticket}))
        except HandoffError:
            return _CHANGED
        card = Card(detail.ticket, signals_of(detail))
        told = {"ticket": ticket, "html": template_named("card.html").render(card=card)}
        return f"event: card\ndata: {json.dumps(told)}\n\n".encode()
