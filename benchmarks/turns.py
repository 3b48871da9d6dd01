"""Turns: each goes to every side once, so that noise hits all alike."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from benchmarks.table import milliseconds

ItemT = TypeVar("ItemT")

_random = Random(1)


@dataclass(frozen=True, slots=True)
class Timing:
    """What calls of one kind took, in seconds."""

    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{milliseconds(self.p50)} ({milliseconds(self.p99)})"


def shuffled(sides: Sequence[ItemT]) -> list[ItemT]:
    """Draw who comes first: in a fixed order the sides fall into step with a busy disk."""
    return _random.sample(sides, len(sides))


def timing(seconds: Sequence[float]) -> Timing:
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    return Timing(statistics.median(seconds), p99)


def growth(base: Sequence[float], other: Sequence[float]) -> float:
    """Return how many times as long the other side takes, by the median of the turns.

    On a disk that is now quick and now slow, two medians can lie on either side of the gap.
    """
    return statistics.median(after / before for before, after in zip(base, other, strict=True))
