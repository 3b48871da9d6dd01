"""Whatever happens to tickets that block one another, those listed as ready are those that the
rules say."""

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import NotFound, ValidationFailed
from tests import requests
from tests.backends.invariants import assert_whole
from tests.proofs import seeds

STEPS = 60
ROLES = (["backend"], ["qa"], ["backend", "qa"], ["backend", "frontend", "qa"])
TAKEN = ("backend", "frontend", "qa")
PRIORITIES = ("high", "medium", "low")
OPEN = ("pending", "in_progress")


@dataclass
class Ticket:
    """A ticket as the rules are written; `blockers` are numbers."""

    number: int
    priority: str
    asks: bool
    roles: dict[str, str]
    blockers: set[int] = field(default_factory=set[int])
    closed: bool = False

    def turn(self, role: str, status: str) -> None:
        """Finish a role or leave it out; the last one closes a ticket that only asks."""
        self.roles[role] = status
        if self.asks and not any(one in OPEN for one in self.roles.values()):
            self.closed = True

    def send_back(self, role: str) -> None:
        """Have a role act again, and the tester after it, who gives its own work back."""
        tester = self.roles.get("qa")
        again = tester == "in_progress" or (tester == "done" and role != "qa")
        self.roles[role] = "pending"
        if again:
            self.roles["qa"] = "pending"
        self.closed = False

    def close(self) -> None:
        self.closed = True
        for role, status in self.roles.items():
            self.roles[role] = "skipped" if status in OPEN else status


class Story:
    """One bot's calls, each made of the store and of the model."""

    def __init__(self, backend: Backend, caller: Caller, seed: int) -> None:
        self._backend = backend
        self._caller = caller
        self._dice = random.Random(seed)
        self.tickets: dict[int, Ticket] = {}

    async def step(self) -> None:
        do = self._dice.choice(
            [self._create, self._link, self._take, self._take, self._turn, self._close, self._open]
        )
        await do()

    async def agrees(self) -> None:
        """Assert that the tickets listed as ready for each role are those of the model."""
        for role in TAKEN:
            listing = requests.find_tickets(ready=True, role=role, order="urgency", limit=100)
            page = await self._backend.find_tickets(self._caller, listing)
            assert [ticket.number for ticket in page.tickets] == self._ready(role)

    def _ready(self, role: str) -> list[int]:
        """Return what can be begun for a role, the most urgent first."""
        ready = [
            ticket
            for ticket in self.tickets.values()
            if not ticket.closed
            and ticket.roles.get(role) == "pending"
            and all(self.tickets[number].closed for number in ticket.blockers)
            and (role != "qa" or not {ticket.roles.get(one) for one in TAKEN[:2]} & {*OPEN})
        ]
        ready.sort(key=lambda ticket: (PRIORITIES.index(ticket.priority), ticket.number))
        return [ticket.number for ticket in ready]

    def _waits_for(self, number: int) -> set[int]:
        """Return a ticket and all that come before it."""
        found, new = set[int](), {number}
        while new:
            found |= new
            new = {blocker for one in new for blocker in self.tickets[one].blockers} - found
        return found

    def _some(self) -> set[int]:
        return {*self._dice.sample(sorted(self.tickets), min(len(self.tickets), 2))}

    async def _create(self) -> None:
        roles, priority = self._dice.choice(ROLES), self._dice.choice(PRIORITIES)
        asks, blockers = self._dice.random() < 0.5, self._some()
        request = requests.create_ticket(
            title=f"Fault {len(self.tickets)}",
            roles=roles,
            priority=priority,
            request_type="clarification_needed" if asks else "bug",
            blocked_by=[*map(str, blockers)],
        )
        number = len(self.tickets) + 1
        created = await self._backend.create_ticket(self._caller, request)
        assert created.ticket.number == number
        pending = dict.fromkeys(roles, "pending")
        self.tickets[number] = Ticket(number, priority, asks, pending, blockers)

    async def _link(self) -> None:
        if not self.tickets:
            return
        ticket, blockers = self._dice.choice([*self.tickets.values()]), self._some()
        circle = any(ticket.number in self._waits_for(one) for one in blockers)
        try:
            await self._update(ticket, blocked_by=[*map(str, blockers)])
        except ValidationFailed:
            assert circle
        else:
            assert not circle
            ticket.blockers = blockers

    async def _take(self) -> None:
        role = self._dice.choice(TAKEN)
        ready = self._ready(role)
        try:
            taken = await self._backend.take_ticket(self._caller, requests.take_ticket(role))
        except NotFound:
            assert ready == []
        else:
            assert [taken.detail.ticket.number] == ready[:1]
            self.tickets[ready[0]].roles[role] = "in_progress"

    async def _turn(self) -> None:
        """Finish a role, leave it out, give it back, or send it back, which opens a ticket."""
        if not self.tickets:
            return
        ticket = self._dice.choice([*self.tickets.values()])
        role = self._dice.choice([*ticket.roles])
        if ticket.roles[role] not in OPEN:
            await self._update(ticket, role=role, role_status="pending", note="Not yet.")
            ticket.send_back(role)
            return
        status = self._dice.choice(("done", "skipped", "pending"))
        await self._update(ticket, role=role, role_status=status, note="So it stands.")
        if status == "pending":
            ticket.roles[role] = status
        else:
            ticket.turn(role, status)

    async def _close(self) -> None:
        open_ones = [ticket for ticket in self.tickets.values() if not ticket.closed]
        if open_ones:
            ticket = self._dice.choice(open_ones)
            await self._update(ticket, close_as="wont_fix", note="Not worth it.")
            ticket.close()

    async def _open(self) -> None:
        closed = [ticket for ticket in self.tickets.values() if ticket.closed]
        if closed:
            ticket = self._dice.choice(closed)
            await self._update(ticket, stage="backlog")
            ticket.closed = False

    async def _update(self, ticket: Ticket, **changes: object) -> None:
        request = requests.update_ticket(ticket.number, **changes)
        await self._backend.update_ticket(self._caller, request)


@pytest.mark.parametrize("seed", seeds(8))
async def test_what_is_listed_as_ready_is_what_the_rules_say_after_any_story(
    backend: Backend, caller: Caller, store: Path, seed: int
) -> None:
    story = Story(backend, caller, seed)
    for _ in range(STEPS):
        await story.step()
        await story.agrees()
    assert len(story.tickets) > 1
    await assert_whole(store)
