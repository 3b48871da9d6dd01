"""A call under way, which can be ended though the server keeps silent."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event, Lock

from mcp_handoff.postgres.transaction import Connection

CALL_SECONDS = 45.0
"""How long a call may take in all, as one to an API may."""


class Call:
    """One operation in a thread of its own, which waits for the server however long that takes.

    `cut` ends the connection that it waits on, so that the wait fails at once; a call that was cut
    begins nothing anew. `ended` is set when the thread is done with it.
    """

    def __init__(self) -> None:
        self.is_cut = False
        self.ended = Event()
        self._lock = Lock()
        self._socket: socket.socket | None = None

    def cut(self) -> None:
        with self._lock:
            self.is_cut = True
            self._shut_down()

    @contextmanager
    def waits_on(self, connection: Connection) -> Generator[None]:
        """Let this connection be cut while this is entered."""
        # A descriptor of our own: libpq may close its own, and its number go to another socket.
        with socket.socket(fileno=os.dup(connection.fileno())) as self._socket:
            try:
                with self._lock:
                    if self.is_cut:
                        self._shut_down()
                yield
            finally:
                with self._lock:
                    self._socket = None

    def _shut_down(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # the server has ended it
                self._socket.shutdown(socket.SHUT_RDWR)
