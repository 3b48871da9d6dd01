"""Pace: how many runs are sent to a receiver at once, and how long none is.

One more with each that it took, half as many with each that it did not take (the way of TCP,
RFC 5681, section 3.1): a receiver is sent as much as it bears, and one that is down is only probed.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

SENDERS = 4
"""How many are sent at once to a receiver of which nothing is known yet."""

MOST_SENDERS = 16

DOWN_AFTER = 5
"""After how many failures in a row a receiver is taken to be down."""

PROBE_SECONDS = 5.0
"""How long a receiver that is down is left alone between two runs that probe it."""

logger = logging.getLogger(__name__)


class Pace:
    """Of one process and its receiver."""

    def __init__(self) -> None:
        self._slots = anyio.CapacityLimiter(SENDERS)
        self._failures = 0
        self._resting_until = 0.0

    @property
    def senders(self) -> int:
        """How many may be sent at once."""
        return int(self._slots.total_tokens)

    @property
    def is_down(self) -> bool:
        """Whether the receiver takes nothing, and one run at a time shows whether it does again."""
        return self._failures >= DOWN_AFTER

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait until one more may be sent; it is on its way while this is entered."""
        async with self._slots:
            await anyio.sleep_until(self._resting_until)
            yield

    def note(self, *, taken: bool) -> None:
        """Note how sending one ended."""
        was_down = self.is_down
        if taken:
            self._failures = 0
            self._slots.total_tokens = min(self.senders + 1, MOST_SENDERS)
        else:
            self._failures += 1
            self._slots.total_tokens = max(self.senders // 2, 1)
        if self.is_down:
            self._resting_until = anyio.current_time() + PROBE_SECONDS
        if self.is_down != was_down:
            logger.warning(
                "the receiver %s", "takes runs again" if was_down else "is down: one probes it"
            )
