"""Calls that wait: they are answered at the next change of what they ask for."""

import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, runtime_checkable

import anyio

from mcp_handoff.actors import Caller
from mcp_handoff.admission import Admission
from mcp_handoff.backend import Backend, Store
from mcp_handoff.builds import BuildPage, FindBuilds
from mcp_handoff.changes import Following
from mcp_handoff.errors import RateLimited
from mcp_handoff.events import EVERYTHING, Change
from mcp_handoff.principals import LOCAL, Principal
from mcp_handoff.schema import Request
from mcp_handoff.tickets import GetTicket, TicketDetail

RETRY_SECONDS = 5.0
"""When to come back with a call that would be one too many."""

AT_AN_API = 50
"""How many calls wait at somebody else's API: each takes one of a hundred connections to it."""

HEARD = 100
"""How many changes are kept for a wait of which it is not known yet what it is for."""

ANY_BUILD = "any build"
"""What a wait is for in place of an id, where it is for no one thing."""

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT")


@runtime_checkable
class WaitingRequest(Protocol):
    """A request that may wait: how many seconds at most, and for a change of what, in words."""

    @property
    def wait_s(self) -> int: ...

    @property
    def awaited(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Places:
    """How many calls may wait at once: all together, and those of one token."""

    in_all: int = 500
    of_one: int = 125


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is waited for: a ticket or a build by its `id`, of a ticket its builds alone where
    `only_builds`, or ANY_BUILD."""

    id: str
    only_builds: bool = False

    def is_touched_by(self, change: Change, principal: Principal) -> bool:
        """Tell whether a change ends a principal's wait: that of any build does where the principal
        is known to see its project."""
        if change == EVERYTHING:
            return True
        if self.id == ANY_BUILD:
            seen = principal.projects is None or change.project in principal.projects
            return seen and change.build_id is not None
        if self.only_builds:
            return change.ticket_id == self.id and change.build_id is not None
        return self.id in (change.ticket_id, change.build_id)


class _Wait:
    """A call that waits for changes until its `scope` is cancelled or its time is up."""

    def __init__(self, principal: Principal, seconds: float) -> None:
        self.scope = anyio.move_on_after(seconds)
        self._principal = principal
        self._subject: _Subject | None = None
        self._heard: list[Change] = []
        self._changed = anyio.Event()

    @property
    def subject_id(self) -> str | None:
        return self._subject.id if self._subject else None

    def hear(self, change: Change) -> None:
        """Take note of a change that concerns it; keep one of which that is not known yet."""
        if self._subject is None:
            self._heard = [*self._heard, change] if len(self._heard) < HEARD else [EVERYTHING]
        elif self._subject.is_touched_by(change, self._principal):
            self._changed.set()

    async def next_change(self) -> None:
        """Return once there was one that concerns it since the last time."""
        await self._changed.wait()
        self._changed = anyio.Event()

    def is_for(self, subject: _Subject) -> None:
        """Know what is waited for, and so whether what was heard until now was that."""
        self._subject = subject
        for change in self._heard:
            self.hear(change)


class Waits:
    """The calls that wait for changes in a backend: each until one concerns it, its time is up or
    the server ends.

    However many wait, the changes are followed once, and one is only shown to those that wait for
    what it touched. Over somebody else's API the wait is that API's, which knows what changes.
    """

    def __init__(self, backend: Backend, places: Places) -> None:
        self._backend = backend
        self._has_store = isinstance(backend, Store)
        self._places = (
            places if self._has_store else replace(places, in_all=min(places.in_all, AT_AN_API))
        )
        self._waiting = set[_Wait]()
        self._waiting_of = Counter[str]()
        self._listening = defaultdict[str | None, set[_Wait]](set)
        """By the id of what they wait for; under None those that are shown every change."""
        self._following = Following(backend.changes, self._show, self._answer_all)
        self._ended = False

    async def read(
        self,
        method: Callable[[Caller, RequestT], Awaitable[ResultT]],
        caller: Caller,
        request: RequestT,
        awaited: WaitingRequest,
        admission: Admission,
    ) -> ResultT:
        """Return what a method of the backend reads once that has changed, or when the time is up;
        `awaited` is the request as one that waits.

        Raises at once what the method raises before the wait, and RateLimited where too many calls
        wait already. The admission tells its door what is waited for, and how long it was.
        """
        at_once = request.model_copy(update={"wait_s": 0})
        seconds = awaited.wait_s if self._has_store else float("inf")
        with self._place(caller.principal, seconds) as wait, wait.scope:
            if not self._has_store:
                with _told(admission, awaited.awaited):
                    return await method(caller, request)
            async with self._hearing(wait):
                found = await method(caller, at_once)
                self._hear_only(wait, await self._subject_of(caller, request, found))
                with _told(admission, awaited.awaited):
                    changed = found
                    while changed == found:  # what was heard late may be known already
                        await wait.next_change()
                        changed = await method(caller, at_once)
                    return changed
        return await method(caller, at_once)

    def end(self) -> None:
        """Have every call that waits answered, and none wait from now on."""
        self._ended = True
        self._answer_all()

    def _answer_all(self) -> None:
        for wait in self._waiting:
            wait.scope.cancel()

    @contextmanager
    def _place(self, principal: Principal, seconds: float) -> Generator[_Wait]:
        """Have one of the places of calls that wait. Raises RateLimited where none is left."""
        if len(self._waiting) >= self._places.in_all:
            raise _too_many(f"{self._places.in_all:,} calls wait here")
        if principal.id != LOCAL.id and self._waiting_of[principal.id] >= self._places.of_one:
            raise _too_many(f"{self._places.of_one:,} calls wait with this token")
        wait = _Wait(principal, seconds)
        if self._ended:
            wait.scope.cancel()
        self._waiting.add(wait)
        self._waiting_of[principal.id] += 1
        try:
            yield wait
        finally:
            self._waiting.discard(wait)
            self._waiting_of -= Counter([principal.id])

    @asynccontextmanager
    async def _hearing(self, wait: _Wait) -> AsyncGenerator[None]:
        """Show a wait every change from now on. Raises BackendUnavailable."""
        self._listening[None].add(wait)
        try:
            await self._following.join(wait)
            yield
        finally:
            self._leave(wait)
            self._following.leave(wait)

    def _hear_only(self, wait: _Wait, subject: _Subject) -> None:
        """Show a wait from now on what touches its subject alone."""
        self._leave(wait)
        wait.is_for(subject)
        self._listening[wait.subject_id].add(wait)

    def _leave(self, wait: _Wait) -> None:
        listening = self._listening[wait.subject_id]
        listening.discard(wait)
        if not listening:
            del self._listening[wait.subject_id]

    def _show(self, change: Change) -> None:
        touched = {None, change.ticket_id, change.build_id, change.build_id and ANY_BUILD}
        for subject_id in self._listening if change == EVERYTHING else touched:
            for wait in self._listening.get(subject_id, ()):
                wait.hear(change)

    async def _subject_of(self, caller: Caller, request: Request, found: object) -> _Subject:
        """Return what a request waits for, by what it finds now."""
        match found:
            case TicketDetail():
                return _Subject(found.ticket.id)
            case BuildPage() if isinstance(request, FindBuilds) and request.ticket:
                named = GetTicket(ticket=request.ticket)
                ticket = (await self._backend.get_ticket(caller, named)).ticket
                return _Subject(ticket.id, only_builds=True)
            case _:
                return _Subject(getattr(request, "build_id", None) or ANY_BUILD)


@contextmanager
def _told(admission: Admission, awaited: str) -> Generator[None]:
    """Tell of a wait while this is entered, and how long it was."""
    admission.waits_for, begun = awaited, time.perf_counter()
    try:
        yield
    finally:
        admission.waits_for = None
        admission.waited += time.perf_counter() - begun


def _too_many(what: str) -> RateLimited:
    return RateLimited(
        f"{what}, and no more may; leave wait_s out, or come back in {RETRY_SECONDS:.0f} s.",
        retry_after=RETRY_SECONDS,
    )
