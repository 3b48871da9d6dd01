"""How far long work is, as it tells whoever wants to know."""

from typing import Protocol


class Progress(Protocol):
    """Hears how far work is, often; what it raises ends the work."""

    def __call__(self, step: str, done: int, total: int | None = None, /) -> None:
        """Hear which step is under way and how much of it is done, of how much where that is
        known."""
        ...


class Abandoned(Exception):
    """Nobody waits for the work any more: it ends without effect."""


def untold(step: str, done: int, total: int | None = None, /) -> None:
    """Hear of it and tell nobody."""
