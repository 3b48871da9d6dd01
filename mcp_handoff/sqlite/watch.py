"""Hearing that somebody wrote into a store."""

import logging
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from threading import Event, Lock, Thread

import apsw

from mcp_handoff.errors import HandoffError
from mcp_handoff.sqlite.transaction import execute

logger = logging.getLogger(__name__)

STEP_SECONDS = 0.05
"""How often it is asked whether somebody wrote."""

FAILED_SECONDS = 1.0
"""How long one rests after a failure."""


class Watch:
    """Has `look` called when somebody wrote into a store, on a thread of its own, as long as that
    is needed by anyone.

    The thread has a connection from `connect`, on which nothing is written. There a number changes
    as soon as what others wrote can be read (https://sqlite.org/pragma.html#pragma_data_version);
    asking for it takes some microseconds.
    """

    def __init__(self, connect: Callable[[], apsw.Connection], look: Callable[[], None]) -> None:
        self._connect = connect
        self._look = look
        self._changing = Lock()
        self._looking = Lock()
        self._needed = 0
        self._stop: Event | None = None
        self._threads: list[Thread] = []

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
        be."""
        with self._changing:
            if self._needed and self._stop is None:
                self._stop = Event()
                thread = Thread(
                    target=self._run, args=(self._stop,), name="sqlite-watch", daemon=True
                )
                self._threads = [*(one for one in self._threads if one.is_alive()), thread]
                thread.start()
        self._look_once()

    def end(self) -> None:
        """Return once every thread has ended; nobody may need one any more."""
        with self._changing:
            if self._stop:
                self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                with closing(self._connect()) as connection:
                    self._look_at_each_change(connection, stop)
            except (apsw.Error, HandoffError) as error:
                logger.debug("what others wrote could not be read: %s", error)
                stop.wait(FAILED_SECONDS)

    def _look_at_each_change(self, connection: apsw.Connection, stop: Event) -> None:
        seen = None
        while not stop.wait(STEP_SECONDS):
            version: int = execute(connection, "PRAGMA data_version").get
            if version != seen:
                self._look_once()
                seen = version

    def _look_once(self) -> None:
        with self._looking:
            self._look()
