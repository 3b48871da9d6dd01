"""One read for many who ask at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")


class SharedRead(Generic[ResultT]):
    """Reads for whoever asks, one read at a time.

    Who asks while one is under way shares the next with all who do: what the first finds may be
    older than the question.
    """

    def __init__(self, read: Callable[[], Awaitable[ResultT]]) -> None:
        self._read = read
        self._current: asyncio.Task[ResultT] | None = None
        self._next: asyncio.Task[ResultT] | None = None

    async def __call__(self) -> ResultT:
        """Return what a read found that began after this was called, or raise what it raised."""
        if self._next is None:
            self._next = asyncio.create_task(self._read_after(self._current))
        return await asyncio.shield(self._next)

    async def _read_after(self, earlier: asyncio.Task[ResultT] | None) -> ResultT:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._current, self._next = self._next, None
        return await self._read()
