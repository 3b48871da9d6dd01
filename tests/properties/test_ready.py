"""Whatever happens to tickets that block one another, those listed as ready are those that the
rules say."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import HandoffError
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.invariants import assert_whole
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database
from tests.proofs import seeds
from tests.properties.model import Desk
from tests.properties.ticket_model import OPEN, PRIORITIES, Fields, Refused, Ticket

pytestmark = pytest.mark.proof

STEPS, TICKETS = 80, 6
ROLES = (["backend"], ["qa"], ["backend", "qa"], ["backend", "frontend", "qa"])
TAKEN = ("backend", "frontend", "qa")
KINDS = ("bug", "clarification_needed")


class Story:
    """One bot's calls, each made of the store and of the model."""

    def __init__(self, backend: Backend, caller: Caller, clock: SteppedClock, seed: int) -> None:
        self._backend = backend
        self._caller = caller
        self._actor = caller.actor.id or ""
        self._dice = random.Random(seed)
        self.model = Desk(clock, bots={self._actor})

    async def step(self) -> None:
        if len(self.model.tickets) < TICKETS and self._dice.random() < 0.5:
            await self._create()
        elif self.model.tickets:
            likely = [self._take, self._turn, self._turn, self._turn, self._turn]
            await self._dice.choice([*likely, self._link, self._close, self._open])()

    async def agrees(self) -> None:
        """Assert that the tickets listed as ready for each role, and as blocked, are those of the
        model."""
        for role in TAKEN:
            listing = requests.find_tickets(ready=True, role=role, order="urgency", limit=100)
            page = await self._backend.find_tickets(self._caller, listing)
            ready = self.model.ready(self._caller.project, role)
            assert [row.number for row in page.tickets] == [ticket.number for ticket in ready]
        page = await self._backend.find_tickets(self._caller, requests.find_tickets(blocked=True))
        blocked = {ticket.number for ticket in self.model.tickets if ticket.is_blocked()}
        assert {row.number for row in page.tickets} == blocked

    async def _both(self, call: Awaitable[object], effect: Callable[[], object]) -> None:
        """Do it in the model and in the store, which refuses what that refuses."""
        expected: object = None
        told: object = None
        try:
            effect()
        except Refused as refused:
            expected = refused.args
        try:
            await call
        except HandoffError as error:
            told = (error.code, error.state)
        assert told == expected

    async def _create(self) -> None:
        roles, blockers = self._dice.choice(ROLES), self._some()
        content: Fields = {
            "title": f"Fault {len(self.model.tickets)}",
            "request_type": self._dice.choice(KINDS),
            "priority": self._dice.choice(PRIORITIES),
            "blocking": False,
        }
        names = [one.reference for one in blockers]
        request = requests.create_ticket(**content, roles=roles, blocked_by=names)
        await self._backend.create_ticket(self._caller, request)
        project = self._caller.project
        ticket, _ = self.model.create(self._actor, project, content, roles, keyed=True)
        ticket.blockers = blockers

    async def _link(self) -> None:
        await self._change(self._any(), blocked_by=self._some())

    async def _take(self) -> None:
        role, project = self._dice.choice(TAKEN), self._caller.project
        await self._both(
            self._backend.take_ticket(self._caller, requests.take_ticket(role)),
            lambda: self.model.take(self._actor, project, role, None, take_over=False),
        )

    async def _turn(self) -> None:
        """Finish a role, leave it out, give it back, or send it back, which opens a ticket."""
        ticket = self._any()
        role = self._dice.choice([role for role in ticket.roles if role != "merged"])
        is_open = ticket.roles[role] in OPEN
        status = self._dice.choice(("done", "done", "skipped", "pending")) if is_open else "pending"
        await self._change(ticket, role=role, role_status=status, note="So it stands.")

    async def _close(self) -> None:
        await self._change(self._any(), close_as="wont_fix", note="Not worth it.")

    async def _open(self) -> None:
        await self._change(self._any(), stage="backlog")

    async def _change(self, ticket: Ticket, **asked: Any) -> None:
        sent = dict(asked)
        if "blocked_by" in asked:
            sent["blocked_by"] = [one.reference for one in asked["blocked_by"]]
        await self._both(
            self._backend.update_ticket(
                self._caller, requests.update_ticket(ticket.number, **sent)
            ),
            lambda: self.model.change(self._actor, ticket, asked),
        )

    def _any(self) -> Ticket:
        return self._dice.choice(self.model.tickets)

    def _some(self) -> list[Ticket]:
        tickets = self.model.tickets
        return self._dice.sample(tickets, min(len(tickets), 2))


@pytest.mark.parametrize("seed", seeds(8))
@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_what_is_listed_as_ready_is_what_the_rules_say_after_any_story(
    request: pytest.FixtureRequest, name: str, caller: Caller, clock: SteppedClock, seed: int
) -> None:
    store = str(request.getfixturevalue(name))
    backend = StoreBackend(open_database(store, clock=clock))
    story = Story(backend, caller, clock, seed)
    for _ in range(STEPS):
        await story.step()
        await story.agrees()
    assert len(story.model.tickets) == TICKETS
    await backend.close()
    await assert_whole(store)
