"""Changes in a backend, published to subscribers, each on the event loop that it waits on."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager

from mcp_handoff.events import EVERYTHING, Change

BACKLOG = 1_000
"""How many changes wait for a subscriber; with one more EVERYTHING takes their place."""

_Queue = asyncio.Queue[Change]


class ChangeFeed:
    """Passes changes on to all subscribers; they may be published from any thread."""

    def __init__(self) -> None:
        self._queues: dict[_Queue, asyncio.AbstractEventLoop] = {}

    def publish(self, changes: Iterable[Change]) -> None:
        """Pass changes on without waiting for anyone."""
        published = list(changes)
        if not published:
            return
        for queue, loop in list(self._queues.items()):
            loop.call_soon_threadsafe(_put, queue, published)

    def publish_everything(self) -> None:
        """Tell all subscribers that changes were missed: anything may have changed."""
        self.publish([EVERYTHING])

    @asynccontextmanager
    async def subscribe(self) -> AsyncGenerator[AsyncIterator[Change]]:
        """Yield what is published from the moment this is entered until it is left."""
        queue = _Queue(BACKLOG)
        self._queues[queue] = asyncio.get_running_loop()
        try:
            yield _Subscription(queue)
        finally:
            del self._queues[queue]


class _Subscription(AsyncIterator[Change]):
    """One subscriber's changes. Unlike a generator it goes on after a wait that was given up."""

    def __init__(self, queue: _Queue) -> None:
        self._queue = queue

    async def __anext__(self) -> Change:
        return await self._queue.get()


def _put(queue: _Queue, changes: list[Change]) -> None:
    for change in changes:
        if queue.full():
            while not queue.empty():
                queue.get_nowait()
            change = EVERYTHING
        queue.put_nowait(change)
