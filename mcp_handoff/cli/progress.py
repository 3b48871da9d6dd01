"""A bar at the terminal that shows how far long work is."""

import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from mcp_handoff.progress import Abandoned, Progress

SHOWN_AFTER_SECONDS = 1.0
"""How long work goes on before it is shown how far it is."""


@contextmanager
def shown_progress() -> Generator[Progress]:
    """Yield what shows on stderr how far work is, once it takes a while; at a terminal alone. Work
    that still goes on in another thread when the block ends is told that it is Abandoned."""
    with ExitStack() as shown:
        bar = _Bar(shown)
        try:
            yield bar
        finally:
            bar.is_abandoned = True


class _Bar:
    """Shows itself in `shown` when it is first needed."""

    def __init__(self, shown: ExitStack) -> None:
        self.is_abandoned = False
        self._shown = shown
        self._due = time.monotonic() + SHOWN_AFTER_SECONDS if sys.stderr.isatty() else None
        self._told: Progress | None = None

    def __call__(self, step: str, done: int, total: int | None = None, /) -> None:
        if self.is_abandoned:
            raise Abandoned
        if self._told is None and self._due is not None and time.monotonic() >= self._due:
            self._told = self._open()
        if self._told is not None:
            self._told(step, done, total)

    def _open(self) -> Progress:
        from rich import console, progress

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeElapsedColumn(),
        )
        terminal = console.Console(file=sys.stderr)
        bar = self._shown.enter_context(
            progress.Progress(*columns, console=terminal, transient=True)
        )
        task = bar.add_task("", total=None)

        def tell(step: str, done: int, total: int | None = None, /) -> None:
            bar.update(task, description=step, completed=done, total=total)

        return tell
