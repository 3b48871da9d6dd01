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
            yield _Following(queue)
        finally:
            del self._queues[queue]


class _Following(AsyncIterator[Change]):
    """One follower's changes. Unlike a generator it goes on after a wait that was given up."""

    def __init__(self, queue: _Waiting) -> None:
        self._queue = queue

    async def __anext__(self) -> Change:
        return await self._queue.get()


def _put(queue: _Waiting, changes: list[Change]) -> None:
    for change in changes:
        if not queue.full():
            queue.put_nowait(change)
