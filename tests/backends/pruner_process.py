"""A process that prunes a store ticket by ticket, and before it goes on to the next waits for a
line."""

import asyncio
import sys

from mcp_handoff.pruning import Prune
from mcp_handoff.store import pruning
from mcp_handoff.store.store_backend import StoreBackend
from tests.backends.planting import ADMIN
from tests.databases import open_database


def tell_and_wait(step: str, done: int, total: int | None = None, /) -> None:
    print(f"{step} {done} {total}", flush=True)  # noqa: T201 - this is how it speaks
    sys.stdin.readline()


async def main(store: str) -> None:
    pruning.BATCH = 1
    backend = StoreBackend(open_database(store))
    await backend.prune(ADMIN, Prune(older_than_days=1), tell_and_wait)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
