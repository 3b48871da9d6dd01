"""Those who follow what changes in a backend, each on the event loop that it waits on."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager

from mcp_handoff.events import Change

BACKLOG = 1_000
"""How many changes wait for a follower; what comes after the last is dropped."""

_Waiting = asyncio.Queue[Change]


class Followers:
    """Tells all that follow; changes may come from any thread."""

    def __init__(self) -> None:
        self._queues: dict[_Waiting, asyncio.AbstractEventLoop] = {}

    def tell(self, changes: Iterable[Change]) -> None:
        """Pass changes on without waiting for anyone."""
        told = list(changes)
        for queue, loop in list(self._queues.items()):
            loop.call_soon_threadsafe(_put, queue, told)

    @asynccontextmanager
    async def following(self) -> AsyncGenerator[AsyncIterator[Change]]:
        """Follow from the moment this is entered until it is left."""
        queue = _Waiting(BACKLOG)
        self._queues[queue] = asyncio.get_running_loop()
        try:
            yield _each(queue)
        finally:
            del self._queues[queue]


async def _each(queue: _Waiting) -> AsyncIterator[Change]:
    while True:
        yield await queue.get()


def _put(queue: _Waiting, changes: list[Change]) -> None:
    for change in changes:
        if not queue.full():
            queue.put_nowait(change)
