"""One that is told of changes: a listen stream, or a session that subscribed."""

import asyncio
from collections.abc import AsyncIterator

from mcp_handoff.principals import Principal


class Subscriber(AsyncIterator[str]):
    """Yields the addresses that changed and that it was not told of yet, until it is ended.

    However often one changed since, it comes once, so that nothing piles up for a subscriber that
    does not take it. While it can't hear, it waits.
    """

    def __init__(self, principal: Principal, *, hears: bool) -> None:
        self.principal = principal
        self.hears = hears
        self.watched: dict[str, str] = {}
        """Its addresses, and what each leads to."""
        self._untold: dict[str, None] = {}
        self._woken = asyncio.Event()
        self._ended = False

    def mark(self, uri: str) -> None:
        """Have an address told, now or as soon as the subscriber hears."""
        self._untold[uri] = None
        self.wake()

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        """End once everything is told."""
        self._ended = True
        self.wake()

    async def __anext__(self) -> str:
        while not (self.hears and self._untold):
            if self._ended:
                raise StopAsyncIteration
            self._woken.clear()
            await self._woken.wait()
        uri = next(iter(self._untold))
        del self._untold[uri]
        return uri
