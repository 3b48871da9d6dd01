"""A process that takes ticket after ticket until it is killed, and says what it asks for, under
which key, and what was acknowledged."""

import asyncio
import json
import os
import random
import sys
from itertools import count

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.errors import NotFound
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.work import TakenTicket
from tests import requests
from tests.backends.writer_process import Acknowledgement
from tests.databases import open_database

ROLES = (["backend"], ["backend", "qa"], ["qa"])


class Taker:
    def __init__(self, backend: Backend, name: str) -> None:
        self._backend = backend
        self._name = name
        self._caller = Caller(bot(name), project="shop")
        self._dice = random.Random(name)

    async def work(self) -> None:
        """File tickets, each blocked by the last now and then, and take what is ready, without
        end."""
        last: str | None = None
        for number in count():
            word = f"{self._name}n{number}"
            blocked_by = [last] if last and self._dice.random() < 0.5 else []
            request = requests.create_ticket(
                title=f"Fault {word}", roles=self._dice.choice(ROLES), blocked_by=blocked_by
            )
            last = (await self._backend.create_ticket(self._caller, request)).ticket.reference
            role = self._dice.choice(("backend", "qa"))
            self._say("ask", role=role, word=word)
            try:
                take = requests.take_ticket(role, idempotency_key=word)
                taken = await self._backend.take_ticket(self._caller, take)
            except NotFound:
                continue
            self._say_of("take_ticket", taken, word)
            await self._go_on(taken, word)

    async def _go_on(self, taken: TakenTicket, word: str) -> None:
        """Finish what was taken, give it back, close it as it is, or hold it."""
        ticket, role = taken.detail.ticket.id, taken.role
        ending = self._dice.choice(("finish", "finish", "give_back", "close", "hold"))
        if ending == "hold":
            return
        changes = {
            "finish": {"role": role, "role_status": "done"},
            "give_back": {"role": role, "role_status": "pending", "note": word},
            "close": {"close_as": "wont_fix", "note": word},
        }[ending]
        request = requests.update_ticket(ticket, **changes, idempotency_key=word)
        await self._backend.update_ticket(self._caller, request)
        self._say_of(ending, taken, word)

    def _say_of(self, operation: str, taken: TakenTicket, word: str) -> None:
        self._say(
            operation,
            ticket=taken.detail.ticket.id,
            role=taken.role,
            fence=taken.fence,
            word=word,
        )

    def _say(self, operation: str, **told: str | int) -> None:
        said: Acknowledgement = {"operation": operation, "taker": self._name, **told}
        os.write(sys.stdout.fileno(), f"{json.dumps(said)}\n".encode())


async def main(store: str, run: str, number: str) -> None:
    await Taker(StoreBackend(open_database(store)), f"r{run}p{number}").work()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
