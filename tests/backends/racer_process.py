"""A process that does what it is told, a line at a time, at the same moment as its rivals.

A line is a command with its words; the answer is a line of JSON. Called with its own number.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mcp_handoff.actors import Caller, bot
from mcp_handoff.dispatches import Attempt
from mcp_handoff.errors import AlreadyExists, HandoffError, NotFound
from mcp_handoff.projects import CreateProject
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.tokens import CreateToken
from tests import requests
from tests.databases import open_database

CALLER = Caller(bot("racer"), project="shop")
READY = "ready"

Answer = Mapping[str, Any]


class Racer:
    def __init__(self, number: int) -> None:
        self._number = number

    async def open(self, store: str) -> Answer:
        self._database = open_database(store)
        self._backend = StoreBackend(self._database)
        return {"opened": store}

    async def act(self, suggestion: str) -> Answer:
        """Execute the suggestion or, with an odd number, decline it."""
        action = requests.decline if self._number % 2 else requests.execute
        acted = await self._backend.act_on_suggestion(CALLER, action(suggestion))
        return {"won": acted.suggestion.status}

    async def execute_either(self, one: str, other: str) -> Answer:
        request = requests.execute(other if self._number % 2 else one)
        acted = await self._backend.act_on_suggestion(CALLER, request)
        return {"won": acted.suggestion.status}

    async def suggest(self, ticket: str) -> Answer:
        """Propose to close a ticket for the change that all others name too, each in its way."""
        sha = "9f2c1e7ab4d0c5d8"[: 7 + self._number]
        request = requests.suggest_close(ticket, merge_sha=sha)
        suggested = await self._backend.suggest_close(CALLER, request)
        return {"suggestion": suggested.suggestion.id, "deduplicated": suggested.deduplicated}

    async def close_or_suggest(self, suggestion: str, ticket: str) -> Answer:
        """Execute the suggestion or, with another number than 0, make one more."""
        if self._number == 0:
            return await self.act(suggestion)
        made = await self._backend.suggest_close(CALLER, requests.suggest_close(ticket))
        return {"suggestion": made.suggestion.id}

    async def expire(self) -> Answer:
        """Mark what has expired as such."""
        await self._backend.expire_suggestions()
        return {"expired": "all"}

    async def act_naively(self, suggestion: str) -> Answer:
        """Read the status in one transaction and write it in another, without claiming it."""
        status = await self._database.read(lambda tx: _status(tx, suggestion))
        if status != "pending":
            return {"lost_to": status}
        await self._database.write(lambda tx: _set_executed(tx, suggestion))
        return {"won": "executed"}

    async def create_twice(self, key: str) -> Answer:
        request = requests.create_ticket(idempotency_key=key)
        twice = [self._backend.create_ticket(CALLER, request) for _ in range(2)]
        return {"created": [created.model_dump() for created in await asyncio.gather(*twice)]}

    async def create_equal(self, turn: str) -> Answer:
        request = requests.create_ticket(title=f"Fault {turn}")
        created = await self._backend.create_ticket(CALLER, request)
        return {"number": created.ticket.number, "deduplicated": created.deduplicated}

    async def trigger(self, ticket: str) -> Answer:
        request = requests.trigger_bot_build(ticket)
        triggered = await self._backend.trigger_bot_build(CALLER, request)
        run = triggered.ticket.ai_output["build_run"]
        return {"run": run["id"], "build": run["build_id"]}

    async def dispatch_all(self) -> Answer:
        """Lease dispatch after dispatch, each as if its receiver had answered well."""
        leased: list[str] = []
        while dispatch := await self._backend.lease_dispatch():
            leased.append(dispatch.id)
            await self._backend.settle_dispatch(dispatch, Attempt(error=None, retry_in=None))
        return {"leased": leased}

    async def describe(self, build: str, turn: str) -> Answer:
        """Set one of a build's fields, the next process another."""
        fields: Sequence[Answer] = (
            {"description": turn},
            {"display_name": turn},
            {"metadata": {"turn": turn}},
        )
        update = requests.update_build(build, **fields[self._number % len(fields)])
        await self._backend.update_build(CALLER, update)
        return {"described": build}

    async def take_next(self, count: str) -> Answer:
        """Ask for the next ticket for backend so often; finish it or, with an odd number, hold it.
        Where nothing was ready is None."""
        caller = Caller(bot(f"taker-{self._number}"), project=CALLER.project)
        numbers: list[int | None] = []
        for _ in range(int(count)):
            try:
                taken = await self._backend.take_ticket(caller, requests.take_ticket("backend"))
            except NotFound:
                numbers.append(None)
                continue
            number = taken.detail.ticket.number
            numbers.append(number)
            if self._number % 2 == 0 and number is not None:
                done = requests.update_ticket(number, role="backend", role_status="done")
                await self._backend.update_ticket(caller, done)
        return {"taken": numbers}

    async def take_carelessly(self, count: str) -> Answer:
        """Read which ticket is next in one transaction and take it in another."""
        numbers: list[int] = []
        for _ in range(int(count)):
            row = await self._database.read(_next_for_backend)
            if row:
                numbers.append(row["number"])
                await self._database.write(partial(_set_in_progress, ticket_id=row["ticket_id"]))
        return {"taken": numbers}

    async def link(self, first: str, length: str) -> Answer:
        """Have a ticket blocked by the next of its circle: eight tickets from `first` on are in
        circles of this length, and each racer has its own."""
        start = self._number - self._number % int(length)
        following = start + (self._number + 1 - start) % int(length)
        request = requests.update_ticket(
            int(first) + self._number, blocked_by=[str(int(first) + following)]
        )
        linked = await self._backend.update_ticket(CALLER, request)
        return {"changed": linked.changed}

    async def take_names(self, turn: str) -> Answer:
        """Make a token and a project whose names all others want too."""
        token = CreateToken(name=f"token-{turn}", role="bot")
        project = CreateProject(name=f"project-{turn}")
        return {
            "token": await _outcome(self._backend.create_token(CALLER, token)),
            "project": await _outcome(self._backend.create_project(CALLER, project)),
        }

    async def create_many(self, count: str) -> Answer:
        """File tickets one after another."""
        numbers: list[int | None] = []
        for turn in range(int(count)):
            request = requests.create_ticket(title=f"Fault {self._number}.{turn}")
            created = await self._backend.create_ticket(CALLER, request)
            numbers.append(created.ticket.number)
        return {"numbers": numbers}

    async def open_and_create(self, store: str) -> Answer:
        await self.open(store)
        created = await self.create_many("1")
        await self._backend.close()
        return created

    async def answer(self, line: str) -> Answer:
        command, *words = line.split()
        commands: dict[str, Callable[..., Awaitable[Answer]]] = {
            "open": self.open,
            "act": self.act,
            "act_naively": self.act_naively,
            "execute_either": self.execute_either,
            "suggest": self.suggest,
            "close_or_suggest": self.close_or_suggest,
            "expire": self.expire,
            "create_twice": self.create_twice,
            "create_equal": self.create_equal,
            "create_many": self.create_many,
            "trigger": self.trigger,
            "dispatch_all": self.dispatch_all,
            "describe": self.describe,
            "take_names": self.take_names,
            "take_next": self.take_next,
            "take_carelessly": self.take_carelessly,
            "link": self.link,
            "open_and_create": self.open_and_create,
        }
        try:
            return await commands[command](*words)
        except HandoffError as error:
            return {"error": error.code, "lost_to": error.state, "message": error.message}


async def _outcome(making: Awaitable[object]) -> str:
    try:
        await making
    except AlreadyExists as error:
        return error.code
    return "made"


def _status(tx: Transaction, suggestion: str) -> str | None:
    row = tx.fetch_one("SELECT status FROM suggestions WHERE id = :id", id=suggestion)
    return row["status"] if row else None


def _set_executed(tx: Transaction, suggestion: str) -> None:
    tx.execute("UPDATE suggestions SET status = 'executed' WHERE id = :id", id=suggestion)


def _next_for_backend(tx: Transaction) -> Row | None:
    return tx.fetch_one(
        "SELECT ticket_id, number FROM ticket_roles"
        " WHERE role = 'backend' AND status = 'pending' AND ready = 1 ORDER BY number LIMIT 1"
    )


def _set_in_progress(tx: Transaction, ticket_id: str) -> None:
    tx.execute(
        "UPDATE ticket_roles SET status = 'in_progress' WHERE ticket_id = :id AND role = 'backend'",
        id=ticket_id,
    )


async def main(number: int) -> None:
    racer = Racer(number)
    print(READY, flush=True)  # noqa: T201 - this is how it speaks
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await racer.answer(line)), flush=True)  # noqa: T201 - this is how it speaks


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
