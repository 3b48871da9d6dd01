"""What other processes wrote into the file, told to the subscribers of this one."""

from mcp_handoff.changes import BACKLOG, ChangeFeed
from mcp_handoff.events import EVERYTHING
from mcp_handoff.store.history import changes_after
from mcp_handoff.store.transaction import Transaction


class Journal:
    """Publishes from the events what others changed, each once, from the moment it is followed.

    One transaction at a time writes, and events have rising numbers: what lies above the last
    number that was told is others', as long as whoever writes here tells which are its own.
    """

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._told: int | None = None
        self.is_followed = False

    def tell_others(self, tx: Transaction) -> None:
        """Publish what others changed since the last time, or EVERYTHING where that is too much to
        be told or can't be known. To be called by one thread at a time, before it writes."""
        if not self.is_followed:
            return
        newest = tx.settled_events()
        if self._told is not None and newest != self._told:
            changes = list(changes_after(tx, self._told, BACKLOG).values())
            is_known = newest > self._told and len(changes) < BACKLOG
            self._feed.publish(changes if is_known else [EVERYTHING])
        self._told = newest

    def newest_own(self, tx: Transaction) -> int | None:
        """Return up to which number the events are told once this transaction is, None where
        nobody follows."""
        return tx.settled_events() if self.is_followed else None

    def skip_own(self, newest: int | None) -> None:
        """Tell nothing up to a number, for whoever wrote that publishes it."""
        self._told = newest
