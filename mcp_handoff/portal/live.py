"""Live pages: each open one is told what changes in its project, of a ticket with its card.

Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html):

- `card`: a ticket that changed, `{"ticket", "html"}`.
- `changed`: something else changed, or more than is told one by one: read the page again.
- `beat`: the page hears, and nothing changed for a while.
"""

import asyncio
import json
import logging
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Collection

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mcp_handoff.actors import Actor
from mcp_handoff.admission import Admission
from mcp_handoff.changes import Following
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import HandoffError, NotFound
from mcp_handoff.events import EVERYTHING, Change
from mcp_handoff.html.environment import template_named
from mcp_handoff.pace import Pace
from mcp_handoff.portal.cards import Card
from mcp_handoff.portal.visits import SOURCE, Visit
from mcp_handoff.principals import SYSTEM_ID, Principal
from mcp_handoff.projects import ListProjects, is_id
from mcp_handoff.signals import signals_of
from mcp_handoff.tickets import GetTicket
from mcp_handoff.validation import Arguments

GATHER_SECONDS = 0.1
"""For how long changes are gathered before pages are told: a ticket's card is made once for all."""

MOST_CARDS = 50
"""How many tickets' cards of a project are told at once; with one more, that the page has to be
read again."""

WAITING = 64
"""How many events wait for a page that takes them slowly."""

BEAT_SECONDS = 20.0
"""How often a page hears that it still hears."""

_EVENTS = "text/event-stream"
_CHANGED = b"event: changed\ndata:\n\n"
_BEAT = b"event: beat\ndata:\n\n"

logger = logging.getLogger(__name__)


class _Page:
    """An open page, and what it is not told of yet."""

    def __init__(self, project: str, principal: Principal) -> None:
        self.project = project
        self.sees_all = principal.projects is None
        self._untold = deque[bytes]()
        self._woken = asyncio.Event()
        self._ended = False

    def tell(self, event: bytes) -> None:
        """Have an event sent, in place of all that wait where these are too many."""
        if len(self._untold) == WAITING:
            self._untold.clear()
            event = _CHANGED
        self._untold.append(event)
        self._woken.set()

    def end(self) -> None:
        """Have nothing more sent."""
        self._ended = True
        self._woken.set()

    async def events(self) -> AsyncGenerator[bytes]:
        """Yield what is sent, until the end."""
        yield _BEAT
        while True:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                yield _BEAT
            while self._untold and not self._ended:
                yield self._untold.popleft()
            if self._ended:
                return
            self._woken.clear()


class _Stream(StreamingResponse):
    """What a page is sent; `leave` is called however it ends."""

    def __init__(self, page: _Page, leave: Callable[[_Page], None]) -> None:
        headers = {"X-Accel-Buffering": "no"}
        super().__init__(page.events(), media_type=_EVENTS, headers=headers)
        self._page = page
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave(self._page)


class LivePages:
    """The pages that are open. However many there are, changes are followed once, and while there
    is none, not at all; the database is asked for nothing but what changed.

    A card is made once for all pages of its project, as whoever sees that project and nothing else
    sees it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages = defaultdict[str, set[_Page]](set)
        """By the slugs of their projects."""
        self._following = Following(desk.changes, self._gather, self._end_all)
        self._telling: asyncio.Task[None] | None = None
        self._tickets = defaultdict[str, dict[str, None]](dict)
        """Those that changed and are not told of yet, by the slugs of their projects."""
        self._elsewhere: Change | None = None
        """What changed and is no ticket, and is not told of yet."""
        self._ended = False

    async def show_changes(self, visit: Visit) -> Response:
        """Tell a page what changes in its project from now on. Raises NotFound, and what following
        the changes raises."""
        project = await _project_of(visit)
        if not visit.visitor.principal.may_see(project):
            raise NotFound("There is no such project, or not for this token.")
        if visit.request.method == "HEAD":
            return Response(media_type=_EVENTS)
        page = _Page(project, visit.visitor.principal)
        if self._ended:
            page.end()
        self._pages[project].add(page)
        try:
            await self._following.join(page)
        except BaseException:
            self._leave(page)
            raise
        return _Stream(page, self._leave)

    def end(self) -> None:
        """End every stream, and those that are opened from now on."""
        self._ended = True
        self._end_all()

    def _end_all(self) -> None:
        for pages in self._pages.values():
            for page in pages:
                page.end()

    def _leave(self, page: _Page) -> None:
        self._pages[page.project].discard(page)
        if not self._pages[page.project]:
            del self._pages[page.project]
        self._following.leave(page)

    def _gather(self, change: Change) -> None:
        if change.reference is None or change.project is None:
            self._elsewhere = EVERYTHING if change == EVERYTHING else self._elsewhere or change
        elif change.project not in self._pages:
            return
        elif len(self._tickets[change.project]) <= MOST_CARDS:
            self._tickets[change.project][change.reference] = None
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """Tell the pages of what was gathered, until there is nothing more."""
        try:
            while (self._tickets or self._elsewhere) and not self._ended:
                await asyncio.sleep(GATHER_SECONDS)
                tickets, elsewhere = self._tickets, self._elsewhere
                self._tickets = defaultdict[str, dict[str, None]](dict)
                self._elsewhere = None
                for project in [*self._pages]:
                    await self._tell_of(project, tickets.get(project, {}), elsewhere)
        finally:
            self._telling = None

    async def _tell_of(
        self, project: str, tickets: Collection[str], elsewhere: Change | None
    ) -> None:
        """Tell the pages of a project of its tickets, and of what changed beside them: of what is
        no project's own those whose visitors see all projects."""
        if elsewhere == EVERYTHING or len(tickets) > MOST_CARDS:
            told, for_all = [_CHANGED], False
        else:
            told, for_all = [await self._card(project, one) for one in tickets], bool(elsewhere)
        pace = Pace()
        for page in [*self._pages.get(project, ())] if told or for_all else ():
            await pace.give_way()
            for event in told:
                page.tell(event)
            if for_all and page.sees_all:
                page.tell(_CHANGED)

    async def _card(self, project: str, ticket: str) -> bytes:
        """Return the event of a ticket that changed."""
        reader = Principal(SYSTEM_ID, "live pages", "reader", frozenset({project}))
        visitor = Visitor("portal", Actor(role="user", source=SOURCE), Admission(reader))
        try:
            detail = await self._desk.get_ticket(visitor, Arguments(GetTicket, {"ticket": ticket}))
            card = Card(detail.ticket, signals_of(detail))
            html = template_named("card.html").render(card=card)
        except HandoffError:
            return _CHANGED
        except Exception:
            logger.exception("the card of %s can't be shown", ticket)
            return _CHANGED
        told = json.dumps({"ticket": ticket, "html": html})
        return f"event: card\ndata: {told}\n\n".encode()


async def _project_of(visit: Visit) -> str:
    """Return the slug of the project that a page shows, which may be named by its id. Raises
    NotFound for an id of none that the visitor sees."""
    named = visit.desk.own_project(visit.visitor).lower()
    cursor = None
    while is_id(named):
        asked = Arguments(ListProjects, {"cursor": cursor})
        listed = await visit.desk.list_projects(visit.visitor, asked)
        if found := next((one for one in listed.projects if one.id.lower() == named), None):
            return found.slug or named
        if not (cursor := listed.next_cursor):
            raise NotFound("There is no such project, or not for this token.")
    return named
