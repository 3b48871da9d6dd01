"""Changes as they are read from the events, for whoever can't be told of them."""

from mcp_handoff.events import EVERYTHING, Change
from mcp_handoff.store.history import changes_after
from mcp_handoff.store.transaction import Transaction

WINDOW = 10_000
"""How many of the newest events are looked at; with more at once, anything may have changed."""

UNDER_WAY = 1_000
"""How far below the newest number one may appear that its transaction took before we began."""


class Journal:
    """Reads each new event once, in whatever order their transactions end.

    A transaction takes the numbers of its events before it commits, so one may appear after higher
    ones. What is missing below the newest belongs to transactions that had begun by then: once all
    of those have ended, nothing below it is looked for any more.
    """

    def __init__(self) -> None:
        self._seen: set[int] | None = None
        self._settled = self._newest = self._next_transaction = 0

    def forget(self) -> None:
        """Begin anew with the next reading: what comes before it is missed."""
        self._seen = None
        self._newest = self._next_transaction = 0

    def read(self, tx: Transaction) -> list[Change]:
        """Return what was changed since the last reading, and EVERYTHING where that is not known,
        as at the first."""
        now = tx.fetch_one(_SNAPSHOT)
        assert now is not None, "it selects one row"
        if self._seen is None:
            self._settled = now["newest"] - UNDER_WAY
        found = changes_after(tx, self._settled, WINDOW)
        if self._seen is None or len(found) == WINDOW:
            changes = [EVERYTHING]
        else:
            changes = [change for number, change in found.items() if number not in self._seen]
        if self._seen is None or now["oldest_transaction"] >= self._next_transaction:
            self._settled = max(self._settled, self._newest)
            self._newest, self._next_transaction = now["newest"], now["next_transaction"]
        self._seen = {number for number in found if number > self._settled}
        return changes


_SNAPSHOT = """
    SELECT pg_snapshot_xmin(s)::text::bigint AS oldest_transaction,
        pg_snapshot_xmax(s)::text::bigint AS next_transaction,
        (SELECT coalesce(max(seq), 0) FROM events) AS newest
    FROM pg_current_snapshot() s
"""
