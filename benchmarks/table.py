"""Figures, and the Markdown tables in which they stand."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """What calls of one kind took, in seconds."""

    p50: float
    p99: float


def timing(seconds: Sequence[float]) -> Timing:
    return Timing(statistics.median(seconds), _p99(seconds))


def _p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.{2 if seconds < 0.1 else 0}f}"


def verdict(met: bool) -> str:
    return "yes" if met else "**no**"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its first column is text, the others are figures."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])
