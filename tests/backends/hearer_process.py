"""A process that takes a history's deliveries from one on, says which it took, and is killed."""

import asyncio
import os
import sys

from mcp_handoff.store.store_backend import StoreBackend
from tests.databases import open_database
from tests.histories import History


async def main(store: str, seed: str, steps: str, first: str) -> None:
    backend = StoreBackend(open_database(store))
    told = History.of(int(seed), int(steps)).deliveries()
    for place in range(int(first), len(told)):
        await backend.take_delivery("github", told[place])
        os.write(sys.stdout.fileno(), f"{place}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
