"""The Markdown tables, and the figures in their cells."""

from collections.abc import Sequence


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.{2 if seconds < 0.1 else 0}f}"


def verdict(met: bool) -> str:
    return "yes" if met else "**no**"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its first column is text, the others are figures."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])
