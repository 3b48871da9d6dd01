"""Telling the listeners of every process that there is something new to read."""

import logging
from threading import Event, Lock, Thread

import psycopg

from mcp_handoff.events import EVERYTHING
from mcp_handoff.postgres.call import Call
from mcp_handoff.postgres.opening import Address
from mcp_handoff.postgres.transaction import (
    CHANNEL,
    WITHOUT_WAITING,
    Connection,
    encode_change,
    set_search_path,
)

PAUSE_SECONDS = 0.05
"""How long at least lies between two announcements of a process."""

_ANNOUNCE = (
    f"SELECT {WITHOUT_WAITING}, pg_notify({CHANNEL}, '{encode_change(EVERYTHING)}')"
).encode()
"""Older versions of this program, which are told of each change, read everything anew."""

logger = logging.getLogger(__name__)


class Announcer:
    """Announces what was committed, from a thread and on a connection of its own: a NOTIFY in a
    transaction would have all commits of the database queue (docs/decisions/postgresql.md).

    One that is lost is made up for by the listeners, who look now and then without being told.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._due = Event()
        self._ended = Event()
        self._starting = Lock()
        self._call = Call()
        self._thread: Thread | None = None

    def wake(self) -> None:
        """Have it announced that something was committed."""
        self._due.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None and not self._ended.is_set():
                    self._thread = Thread(target=self._run, name="postgres-announcer", daemon=True)
                    self._thread.start()

    def stop(self, seconds: float) -> None:
        """Announce a last time, where anything was committed, and end within so many seconds."""
        with self._starting:
            self._ended.set()
        self._due.set()
        if self._thread is not None:
            self._thread.join(seconds)
            self._call.cut()

    def _run(self) -> None:
        connection: Connection | None = None
        is_last = False
        while not is_last:
            self._due.wait()
            self._due.clear()
            is_last = self._ended.is_set()
            try:
                connection = connection or self._address.connect()
                with self._call.waits_on(connection):
                    self._announce(connection)
            except (psycopg.Error, OSError):
                logger.debug("a change was not announced", exc_info=True)
                if connection is not None:
                    connection.close()
                connection = None
            self._ended.wait(PAUSE_SECONDS)
        if connection is not None:
            connection.close()

    def _announce(self, connection: Connection) -> None:
        with connection.pipeline():
            connection.execute("BEGIN")
            if self._address.search_path:
                set_search_path(connection, self._address.search_path)
            connection.execute(_ANNOUNCE)
            connection.execute("COMMIT")
