"""How the program ends at once where nothing can unwind, and what is removed before it does."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

UNFINISHED = set[Callable[[], None]]()
"""What removes the files that are being made."""

_TIMES = 5
"""How often something is removed at most: another thread may go on writing there meanwhile."""


def end_at_once(number: int, _: object) -> None:
    """End at a signal, in whichever thread something is being done: with status 1 at Ctrl-C, and by
    another signal itself, as where nobody handles it."""
    try:
        for remove in [*UNFINISHED]:
            _remove_surely(remove)
    finally:
        if number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)  # without effect on the first process of a container
        os._exit(1)


def _remove_surely(remove: Callable[[], None]) -> None:
    for _ in range(_TIMES):
        with suppress(OSError):
            remove()
            return
