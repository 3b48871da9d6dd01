"""What happens in a repository, as its forge tells it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_handoff.actors import Caller, bot
from mcp_handoff.merges import Delivery, Fact
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.facts import REPOSITORY, check, delivery, deployment, pull_request, push, sha

TICKETS = 3
"""How many tickets there are to be closed, all in project shop."""

CALLER = Caller(bot("agent-1"), project="shop")


@dataclass
class History:
    """What happens in a repository, as its forge tells it, one minute after the other."""

    dice: random.Random
    facts: list[Fact] = field(default_factory=list[Fact])
    opened: dict[int, str] = field(default_factory=dict[int, str])
    landed: list[str] = field(default_factory=list[str])
    minute: int = 0

    @classmethod
    def of(cls, seed: int, steps: int) -> "History":
        """Return what happens in so many minutes."""
        history = cls(random.Random(seed))
        for _ in range(steps):
            history.go_on()
        return history

    def deliveries(self) -> list[Delivery]:
        """Return the history as it is delivered: one thing at a time, each under its own id."""
        return [delivery(fact, id=f"told-{place}") for place, fact in enumerate(self.facts)]

    def go_on(self) -> None:
        """Have one more thing happen."""
        self.minute += 1
        steps = [self._open, self._open, self._merge, self._merge, self._push]
        do = self.dice.choice([*steps, self._drop, self._check, self._deploy, self._revert])
        do()

    def _words(self) -> str:
        keyword = self.dice.choice(("Closes", "Part of", "Fixes"))
        return f"{keyword} HO-{self.dice.randint(1, TICKETS + 1)}"

    def _open(self) -> None:
        number = len(self.facts) + 1
        self.opened[number] = self._words()
        self._tell(number)

    def _tell(self, number: int, **fields: Any) -> None:
        self.facts.append(pull_request(number, self.minute, self.opened[number], **fields))

    def _merge(self) -> None:
        """Merge a pull request, of which the push tells too."""
        if not self.opened:
            return
        number = self.dice.choice(sorted(self.opened))
        name = f"m{number}"
        base = self.dice.choice(("main", "main", "release"))
        self._tell(number, merge_sha=sha(name), base=base)
        del self.opened[number]
        if base == "main" and self.dice.random() < 0.8:
            own = (f"c{number}", self._words())
            self.facts.append(push(self.minute, own, (name, f"Merge pull request #{number}")))
        if base == "main":
            self.landed.append(name)

    def _push(self) -> None:
        name = f"p{self.minute}"
        self.facts.append(push(self.minute, (f"q{self.minute}", "Tidy up"), (name, self._words())))
        self.landed.append(name)

    def _drop(self) -> None:
        if self.opened:
            number = self.dice.choice(sorted(self.opened))
            self._tell(number, state="closed")
            del self.opened[number]

    def _check(self) -> None:
        commits = [*map(sha, self.landed), *(sha(f"head{number}") for number in self.opened)]
        if commits:
            state = self.dice.choice(("passed", "failed", "pending"))
            self.facts.append(check(self.dice.choice(commits), state, self.minute))

    def _deploy(self) -> None:
        if self.landed:
            state = self.dice.choice(("succeeded", "failed"))
            self.facts.append(deployment(self.dice.choice(self.landed), self.minute, state))

    def _revert(self) -> None:
        if self.landed:
            name, reverted = f"r{self.minute}", self.dice.choice(self.landed)
            message = f'Revert "It"\n\nThis reverts commit {sha(reverted)}.'
            self.facts.append(push(self.minute, (name, message)))
            self.landed.append(name)


async def prepare(backend: StoreBackend) -> None:
    """File the tickets, and link the repository."""
    for number in range(TICKETS):
        await backend.create_ticket(CALLER, requests.create_ticket(title=f"Fault {number}"))
    await backend.link_repository(CALLER, LinkRepository(name=REPOSITORY))


async def take(backend: StoreBackend, deliveries: Sequence[Delivery]) -> None:
    for one in deliveries:
        await backend.take_delivery("github", one)


async def known(backend: StoreBackend) -> list[object]:
    """Return what is known of all tickets."""
    found: list[object] = []
    for number in range(1, TICKETS + 1):
        detail = await backend.get_ticket(CALLER, requests.get_ticket(number))
        ticket = detail.ticket
        listing = requests.list_suggestions(ticket=str(number), status="pending", limit=200)
        page = await backend.list_suggestions(CALLER, listing)
        pending = [
            (one.merge_sha, one.pr_number, one.confidence, one.evidence, one.proof)
            for one in page.suggestions
        ]
        found.append(
            (
                (ticket.stage, ticket.deployed_at, ticket.deploy_failed_at),
                sorted(detail.changes, key=lambda change: change.name),
                sorted(pending, key=str),
            )
        )
    return found
