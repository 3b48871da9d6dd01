"""Waiting for the locks of other processes."""

import time
from collections.abc import Callable
from threading import Event

BUSY_SECONDS = 30
"""How long a call waits for a lock that others keep."""

AGAIN_SECONDS = 0.001
"""SQLite's own waits grow to a hundred of these, so that whoever has waited longest waits on."""


class LockWait:
    """A connection's busy handler: it waits until BUSY_SECONDS are over since the caller began to
    wait, and no longer once `ending` is set."""

    def __init__(self, ending: Event, since: Callable[[], float] = time.monotonic) -> None:
        self._ending = ending
        self._since = since
        self._until = 0.0

    def __call__(self, tries: int) -> bool:
        """Wait a little; tell whether to try again (https://sqlite.org/c3ref/busy_handler.html)."""
        if tries == 0:
            self._until = self._since() + BUSY_SECONDS
        return time.monotonic() < self._until and not self._ending.wait(AGAIN_SECONDS)
