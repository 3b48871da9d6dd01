"""Clients of a desk's replicas that take no failure for an answer, and remember all of them."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from math import inf
from typing import Any

import httpx2

from tests.faults.histories import Action, Decision, History, Kept, Outcome
from tests.faults.linearizability import Operation
from tests.faults.replicas import Replica
from tests.http.served import bearer
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET

TICKETS, SUGGESTIONS, BUILDS = (
    "/api/projects/shop/tickets",
    "/api/projects/shop/ai-suggestions",
    "/api/v1/org/default/builds",
)
OUTCOMES: dict[int, Outcome] = {
    200: "done",
    201: "done",
    409: "refused",
    502: "undone",
    504: "unknown",
}
ACTIONS: Sequence[Action] = ("execute", "decline")

Body = dict[str, Any]


class Clients:
    """Every call goes to a replica that is up, as the dice say, and into `history`."""

    def __init__(
        self, http: httpx2.AsyncClient, replicas: Sequence[Replica], dice: random.Random
    ) -> None:
        self.history = History()
        self.ended = False
        self._http, self._replicas, self._dice = http, replicas, dice
        self._words = map("word {}".format, count())
        self._answers = 0
        self._answered = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def of(
        cls, replicas: Sequence[Replica], token: str, dice: random.Random
    ) -> AsyncGenerator["Clients"]:
        async with httpx2.AsyncClient(headers=bearer(token), timeout=TIMEOUT) as http:
            yield cls(http, replicas, dice)

    async def register(self) -> str:
        """Return the id of a new build, whose description is a register."""
        title = next(self._words)
        return await self._trigger(await self._file(title), title)

    async def tell_stories(self) -> None:
        """Take one ticket after another from its filing to the decision on closing it."""
        while not self.ended:
            title = next(self._words)
            ticket = await self._file(title)
            await self._trigger(ticket, title)
            suggestion = await self._propose(ticket, title)
            actions = self._dice.choices(ACTIONS, k=3)
            await asyncio.gather(*(self._decide(suggestion, action) for action in actions))

    async def use(self, registers: Sequence[str]) -> None:
        """Read and write registers, one after another."""
        while not self.ended:
            register = self._dice.choice(registers)
            path, invoked = f"{BUILDS}/{register}", time.monotonic()
            operations = self.history.operations[register]
            if self._dice.random() < 0.5:
                outcome, read = await self._ask("GET", path)
                if outcome == "done":
                    value, returned = read["description"], time.monotonic()
                    operations.append(Operation("read", value, invoked, returned))
            else:
                value = next(self._words)
                outcome, _ = await self._ask("PATCH", path, {"description": value})
                if outcome in ("done", "unknown"):
                    returned = time.monotonic() if outcome == "done" else inf
                    operations.append(Operation("write", value, invoked, returned))

    async def answered(self, more: int) -> None:
        """Wait until so many more calls were answered."""
        async with self._answered:
            wanted = self._answers + more
            await self._answered.wait_for(lambda: self._answers >= wanted)

    async def kept(self) -> Kept:
        """Read what there is."""
        tickets = await self._all(TICKETS, "tickets")
        builds = await self._all(BUILDS, "items")
        suggestions = await self._all(SUGGESTIONS, "suggestions")
        return Kept(
            tickets=[(ticket["title"], ticket["id"]) for ticket in tickets],
            builds=[(build["source_id"], build["id"]) for build in builds],
            suggestions=[(made["evidence"]["word"], made["id"]) for made in suggestions],
            numbers=[ticket["number"] for ticket in tickets],
            ends={made["id"]: (made["status"], made["reason"]) for made in suggestions},
        )

    async def _file(self, title: str) -> str:
        """File a ticket; without a key an equal call within ten minutes is known all the same."""
        key = title if self._dice.random() < 0.5 else None
        body = {**TICKET, "title": title, "priority": "low", "blocking": False}
        filed = await self._twice(TICKETS, body, key)
        self.history.tickets[title] |= {made["ticket"]["id"] for made in filed}
        return filed[0]["ticket"]["id"]

    async def _trigger(self, ticket: str, key: str) -> str:
        triggered = await self._twice(f"{TICKETS}/{ticket}/trigger-bot-build", {}, key)
        runs = [made["ticket"]["ai_output"]["build_run"] for made in triggered]
        self.history.builds[ticket] |= {run["build_id"] for run in runs}
        return runs[0]["build_id"]

    async def _propose(self, ticket: str, word: str) -> str:
        body = {"ticket_id": ticket, "evidence": {"word": word}}
        proposed = await self._twice(SUGGESTIONS, body, word)
        self.history.suggestions[word] |= {made["suggestion"]["id"] for made in proposed}
        return proposed[0]["suggestion"]["id"]

    async def _decide(self, suggestion: str, action: Action) -> None:
        reason = next(self._words)
        path = f"{SUGGESTIONS}/{suggestion}/action"
        outcome, told = await self._ask("POST", path, {"action": action, "reason": reason})
        decision = Decision(action, reason, outcome, told.get("state"))
        self.history.decisions[suggestion].append(decision)

    async def _twice(self, path: str, body: Body, key: str | None) -> list[Body]:
        """Return the answers of two equal calls, made at once and each again until it was done."""
        calls = (self._acknowledged("POST", path, body, key) for _ in range(2))
        return await asyncio.gather(*calls)

    async def _acknowledged(
        self, method: str, path: str, body: Body | None = None, key: str | None = None
    ) -> Body:
        """Return the answer of a call, made again until it was done."""
        while True:
            outcome, told = await self._ask(method, path, body, key)
            if outcome == "done":
                return told
            assert outcome != "refused", told

    async def _ask(
        self, method: str, path: str, body: Body | None = None, key: str | None = None
    ) -> tuple[Outcome, Body]:
        up = [replica.url for replica in self._replicas if replica.url]
        headers = {"Idempotency-Key": key} if key else {}
        url = f"{self._dice.choice(up)}{path}"
        try:
            answer = await self._http.request(method, url, json=body, headers=headers)
        except httpx2.ConnectError:
            return "undone", {}
        except httpx2.TransportError:
            return "unknown", {}
        assert answer.status_code in OUTCOMES, answer.text
        async with self._answered:
            self._answers += 1
            self._answered.notify_all()
        return OUTCOMES[answer.status_code], answer.json()

    async def _all(self, path: str, name: str) -> list[Body]:
        """Return the rows of all pages."""
        page = await self._acknowledged("GET", f"{path}?limit=100")
        rows: list[Body] = page[name]
        while cursor := page.get("next_cursor"):
            page = await self._acknowledged("GET", f"{path}?limit=100&cursor={cursor}")
            rows += page[name]
        return rows
