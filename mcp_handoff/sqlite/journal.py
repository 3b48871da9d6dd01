"""What was written into the file, by whatever process, told to the subscribers of this one."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.events import EVERYTHING
from mcp_handoff.store.history import WINDOW, changes_after
from mcp_handoff.store.transaction import Transaction


class Journal:
    """Publishes from the events what was changed, each once, as long as it is followed.

    One transaction at a time writes, and events have rising numbers: what lies above the last
    number that was told is new.
    """

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._told: int | None = None
        self._changing = Lock()
        self._followers = 0

    @contextmanager
    def followed(self) -> Generator[None]:
        """Have what is written from the next reading on be told."""
        with self._changing:
            self._followers += 1
        try:
            yield
        finally:
            with self._changing:
                self._followers -= 1

    def read(self, tx: Transaction) -> Callable[[], None]:
        """Return what publishes, once a transaction is durable, what was changed since the last one
        that was read: EVERYTHING where that is too much to be told or can't be known. To be called
        by one thread at a time."""
        newest = tx.settled_events() if self._followers else None
        told, changes = self._told, []
        if newest is not None and told is not None and newest != told:
            changes = changes_after(tx, told)
            is_known = newest > told and len(changes) < WINDOW
            changes = dict.fromkeys(changes.values()) if is_known else [EVERYTHING]

        def tell() -> None:
            self._told = newest
            if changes:
                self._feed.publish(changes)

        return tell
