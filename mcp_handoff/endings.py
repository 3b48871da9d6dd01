"""How the program ends at once where nothing can unwind, and what is removed before it does."""

import os
import signal
from collections.abc import Callable

UNFINISHED = set[Callable[[], None]]()
"""What removes the files that are being made."""


def end_at_once(number: int, _: object) -> None:
    """End at a signal, in whichever thread something is being done: with status 1 at Ctrl-C, and by
    SIGTERM itself, as where nobody handles it."""
    try:
        for remove in [*UNFINISHED]:
            remove()
    finally:
        if number == signal.SIGTERM:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)  # without effect on the first process of a container
        os._exit(1)
