"""A process that files tickets in PostgreSQL, as many at once as it has tasks, and hears of all
that are filed.

Called with a URL, its number, in how many projects and for how many seconds; says when it is ready,
files from the next line that it is told on, and answers with how many it filed.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from itertools import count

from mcp_handoff.actors import Caller, bot
from mcp_handoff.events import Change
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tickets import CreateTicket

TASKS = 8


async def main(url: str, number: str, projects: int, seconds: float) -> None:
    backend = StoreBackend(PostgresDatabase.open(url))
    callers = [Caller(bot(f"filer-{number}"), project=f"shop-{place}") for place in range(projects)]
    await asyncio.gather(*(file_ticket(backend, caller, "first") for caller in callers))
    async with backend.changes() as changes:
        hearing = asyncio.create_task(hear(changes))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        until = time.monotonic() + seconds
        filed = await asyncio.gather(
            *(_file_until(backend, callers, task, until) for task in range(TASKS))
        )
        print(sum(filed), flush=True)
        hearing.cancel()
    await backend.close()


async def hear(changes: AsyncIterator[Change]) -> None:
    async for _ in changes:
        pass


async def _file_until(
    backend: StoreBackend, callers: Sequence[Caller], task: int, until: float
) -> int:
    for turn in count():
        if time.monotonic() > until:
            return turn
        caller = callers[(task + turn * TASKS) % len(callers)]
        await file_ticket(backend, caller, f"{task} {turn}")
    raise AssertionError


async def file_ticket(backend: StoreBackend, caller: Caller, turn: str) -> None:
    request = CreateTicket(
        title=f"Checkout fails, {os.getpid()} {turn}",  # or it would repeat another process's
        description="POST /checkout answers 500 from the 100th item on.",
        request_type="bug",
        roles=["backend"],
    )
    await backend.create_ticket(caller, request)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
