"""Pace: how much is sent to a destination at once, and how long nothing is.

One more with each that it took, half as many with each that it did not take (the way of TCP,
RFC 5681, section 3.1): a destination is sent as much as it bears, and one that is down is only
probed.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import anyio

SENDERS = 4
"""How many are sent at once to a destination of which nothing is known yet."""

MOST_SENDERS = 16

DOWN_AFTER = 5
"""After how many failures in a row a destination is taken to be down."""

PROBE_SECONDS = 5.0
"""How long a destination that is down is left alone between two attempts that probe it."""

logger = logging.getLogger(__name__)


class Pace:
    """Of one process and one destination, which the log calls by its name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._senders = SENDERS
        self._under_way = 0
        self._failures = 0
        self._resting_until = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether nothing more may be sent for now."""
        return self._under_way >= self._senders or self.rest > 0

    @property
    def rest(self) -> float:
        """For how many seconds the destination is left alone."""
        return max(0.0, self._resting_until - anyio.current_time())

    @property
    def is_down(self) -> bool:
        """Whether the destination takes nothing, and one attempt at a time shows whether it does
        again."""
        return self._failures >= DOWN_AFTER

    @contextmanager
    def sending(self) -> Generator[None]:
        """Count one more as on its way while this is entered."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def note(self, *, taken: bool) -> None:
        """Note how sending one ended."""
        was_down = self.is_down
        if taken:
            self._failures = 0
            self._senders = min(self._senders + 1, MOST_SENDERS)
        else:
            self._failures += 1
            self._senders = max(self._senders // 2, 1)
        if self.is_down:
            self._resting_until = anyio.current_time() + PROBE_SECONDS
        if self.is_down != was_down:
            logger.warning(
                "%s %s",
                self._name,
                "takes dispatches again" if was_down else "is down: one at a time probes it",
            )
