"""A clock that moves when it is told to."""

from datetime import UTC, datetime, timedelta


class SteppedClock:
    """Returns the same instant until `advance` is called."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self._now

    def advance(self, **amount: float) -> None:
        self._now += timedelta(**amount)
