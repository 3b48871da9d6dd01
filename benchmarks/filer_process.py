"""A process that files tickets in PostgreSQL, as many at once as it has tasks.

Called with a URL, its number and the seconds; says when it is ready, files from the next line that
it is told on, and answers with how many it filed.
"""

import asyncio
import sys
import time
from itertools import count

from mcp_handoff.actors import Caller, bot
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tickets import CreateTicket

TASKS = 8


async def main(url: str, number: str, seconds: float) -> None:
    backend = StoreBackend(PostgresDatabase.open(url))
    caller = Caller(bot(f"filer-{number}"), project="shop")
    await asyncio.gather(*(_file(backend, caller, f"{task} first") for task in range(TASKS)))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    until = time.monotonic() + seconds
    filed = await asyncio.gather(
        *(_file_until(backend, caller, str(task), until) for task in range(TASKS))
    )
    print(sum(filed), flush=True)
    await backend.close()


async def _file_until(backend: StoreBackend, caller: Caller, task: str, until: float) -> int:
    for turn in count():
        if time.monotonic() > until:
            return turn
        await _file(backend, caller, f"{task} {turn}")
    raise AssertionError


async def _file(backend: StoreBackend, caller: Caller, turn: str) -> None:
    request = CreateTicket(
        title=f"Checkout fails, {turn}",
        description="POST /checkout answers 500 from the 100th item on.",
        request_type="bug",
        roles=["backend"],
    )
    await backend.create_ticket(caller, request)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
