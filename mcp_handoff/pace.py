"""How fast a crowd is told of a change: in turn, beside the calls."""

import asyncio
import time

TELLING_SECONDS = PAUSE_SECONDS = 0.005
"""For how long a crowd is told, one in each turn of the event loop, before calls have it for
themselves, and for how long these have it."""


class Pace:
    """Gives way to the calls before each that is told, and before the first of all."""

    def __init__(self) -> None:
        self._until = 0.0

    async def give_way(self) -> None:
        if time.monotonic() < self._until:
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(PAUSE_SECONDS)
            self._until = time.monotonic() + TELLING_SECONDS
