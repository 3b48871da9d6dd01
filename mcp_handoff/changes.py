"""Changes in a backend, published to subscribers, each on the event loop that it waits on."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from mcp_handoff.events import EVERYTHING, Change

logger = logging.getLogger(__name__)

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


class Following:
    """Follows the changes of a backend on behalf of listeners: once for however many there are, and
    while there is none, not at all.

    Each change is passed to `hear`. Should following fail later on, that is logged, and `lose` is
    called: the listeners hear of nothing any more, and have to come again.
    """

    def __init__(
        self,
        changes: Callable[[], AbstractAsyncContextManager[AsyncIterator[Change]]],
        hear: Callable[[Change], None],
        lose: Callable[[], None],
    ) -> None:
        self._changes = changes
        self._hear = hear
        self._lose = lose
        self._listeners = set[Hashable]()
        self._begun: asyncio.Future[Exception | None] | None = None
        """Done once the changes are followed, or with what keeps them from that."""
        self._task: asyncio.Task[None] | None = None

    async def join(self, listener: Hashable) -> None:
        """Return once whatever changes is heard, until the listener leaves, which it has to do
        however this ends. Raises what keeps the changes from being followed."""
        self._listeners.add(listener)
        if self._begun is None or self._task is None or self._task.done():
            self._begun = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._follow(self._begun))
        await asyncio.wait([begun := self._begun])
        if failure := begun.result():
            raise failure

    def leave(self, listener: Hashable) -> None:
        """Have a listener hear nothing any more, if it does; if it still joins, that ends."""
        self._listeners.discard(listener)
        if not self._listeners and self._task is not None and self._begun is not None:
            # It may take a while to end; whoever comes in the meantime has another begin.
            self._task.cancel()
            if not self._begun.done():
                self._begun.set_result(None)
            self._task = self._begun = None

    async def _follow(self, begun: asyncio.Future[Exception | None]) -> None:
        try:
            async with self._changes() as changes:
                begun.set_result(None)
                async for change in changes:
                    self._hear(change)
        except Exception as error:
            if not begun.done():
                begun.set_result(error)
            elif begun is self._begun:  # or nobody listens to this any more
                logger.exception("the changes can't be followed any longer")
                self._lose()


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
