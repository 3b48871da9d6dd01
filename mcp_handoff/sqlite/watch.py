"""Hearing from the operating system that somebody wrote into a store's log."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from mcp_handoff.errors import HandoffError

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

logger = logging.getLogger(__name__)

STEP_MS = 50
"""How often one asks whether something was heard; once nothing more is, one looks."""

GROUPED_MS = 200
"""How long one waits for that at most."""

AGAIN_MS = (100, 1_000, 10_000)
"""After which silences one looks again: whoever only reads can't wait for the transaction whose
write was heard, and what failed may pass."""

FAILED_SECONDS = 1.0
"""How long one rests after a failure, for opening the store again is heard like a write."""


class Watch:
    """Has `look` called when somebody wrote into a log, on a thread of its own, as long as that is
    needed by anyone.

    SQLite has written a transaction into the log before others can read it. As long as a process
    has the store open, its log stays the same file (https://sqlite.org/wal.html).
    """

    def __init__(self, log: Path, look: Callable[[], None]) -> None:
        self._log = log
        self._look = look
        self._changing = Lock()
        self._looking = Lock()
        self._needed = 0
        self._stop: Event | None = None
        self._threads: list[Thread] = []
        self._has_warned = False

    @contextmanager
    def needed(self) -> Generator[None]:
        """Need what `start` starts; when nobody does any more it ends."""
        with self._changing:
            self._needed += 1
        try:
            yield
        finally:
            with self._changing:
                self._needed -= 1
                if not self._needed and self._stop:
                    self._stop.set()
                    self._stop = None

    def start(self) -> None:
        """Return once all that was written is looked at, and all that is written from now on will
        be; where the system does not tell of it, that is said in the log, once."""
        from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

        with self._changing:
            if self._needed and self._stop is None:
                try:
                    watcher = RustNotify([str(self._log)], False, False, 300, False, False)
                except (OSError, WatchfilesRustInternalError) as error:
                    self._warn(error)
                else:
                    self._watch(watcher)
        self._look_once()

    def end(self) -> None:
        """Return once every thread has ended; nobody may need one any more."""
        with self._changing:
            if self._stop:
                self._stop.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, watcher: "RustNotify") -> None:
        self._stop = Event()
        thread = Thread(
            target=self._run, args=(watcher, self._stop), name="sqlite-watch", daemon=True
        )
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()

    def _run(self, watcher: "RustNotify", stop: Event) -> None:
        with watcher:
            later = iter(AGAIN_MS)
            while True:
                heard = watcher.watch(GROUPED_MS, STEP_MS, next(later, 0), stop)
                if heard == "stop":
                    return
                if heard != "timeout":
                    later = iter(AGAIN_MS)
                try:
                    self._look_once()
                except HandoffError:
                    logger.debug("what others wrote could not be read", exc_info=True)
                    stop.wait(FAILED_SECONDS)

    def _look_once(self) -> None:
        with self._looking:
            self._look()

    def _warn(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "the system can't watch %s (%s): what other processes change is heard late",
                self._log,
                error,
            )
