"""Changes as they are read from the events."""

from mcp_handoff.events import EVERYTHING, Change
from mcp_handoff.store.history import WINDOW, changes_after
from mcp_handoff.store.transaction import Transaction

UNDER_WAY = 1_000
"""How far below the newest number one may appear that its transaction took before we began."""


class Journal:
    """Reads each new event once, in whatever order their transactions end.

    A transaction takes the numbers of its events before it commits, so one may appear after higher
    ones. Up to the number that was settled at one reading, the next sees all there will ever be,
    and the one after that looks no further down.
    """

    def __init__(self) -> None:
        self._seen: set[int] | None = None
        self._read = self._settled = 0

    def read(self, tx: Transaction) -> list[Change]:
        """Return what was changed since the last reading, equal changes once, and EVERYTHING where
        that is not known, as at the first."""
        settled = tx.settled_events()
        if self._seen is None:
            self._read = self._settled = settled - UNDER_WAY
        found = changes_after(tx, self._read)
        if self._seen is None or len(found) == WINDOW:
            changes = [EVERYTHING]
        else:
            seen = self._seen
            new = (change for number, change in found.items() if number not in seen)
            changes = list(dict.fromkeys(new))
        self._read, self._settled = self._settled, settled
        self._seen = {number for number in found if number > self._read}
        return changes
