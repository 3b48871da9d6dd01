"""Which connections are kept, and which give way to another."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Protocol

from uvicorn.server import ServerState

from mcp_handoff.errors import RateLimited
from mcp_handoff.http.capacity import Capacity

CONNECTION = "connection"
"""Where the state of an ASGI scope has the connection that the request came by."""

_FULL_SECONDS = 5.0
"""When to come back to a server that is full."""


class Connection(Protocol):
    """An open connection; `address` is that of its other end, of IPv6 its subnet (/64)."""

    @property
    def address(self) -> str: ...

    @property
    def is_between_requests(self) -> bool: ...

    @property
    def waits_for_client(self) -> bool:
        """Whether nothing happens on it before its client asks for something or reads on."""
        ...

    def end(self) -> None:
        """End it at once, whatever is still under way."""
        ...


class Connections(ServerState):
    """The open connections, each in one of two crowds that cannot take the other's places: those
    on which a valid token was shown, and those on which none was yet.

    A new one is always taken. In its place goes the oldest that shows no token, of the same address
    once that has its share; one whose request is being answered stays as long as there are others.
    So whoever holds many connections loses them to whoever comes and shows a token at once. Those
    with a token give way only between two requests.
    """

    def __init__(self, capacity: Capacity) -> None:
        super().__init__()
        self._capacity = capacity
        self._unproved = OrderedDict[Connection, None]()
        self._unproved_of = dict[str, OrderedDict[Connection, None]]()
        self._proved = OrderedDict[Connection, None]()

    def admit(self, connection: Connection) -> None:
        """Take a new connection, in place of another if need be."""
        neighbours = self._unproved_of.get(connection.address, ())
        if len(neighbours) >= self._capacity.unproved_of_one_address:
            self._end(_oldest_waiting(neighbours))
        if len(self._unproved) >= self._capacity.unproved:
            self._end(_oldest_waiting(self._unproved) or next(iter(self._unproved)))
        self._unproved[connection] = None
        self._unproved_of.setdefault(connection.address, OrderedDict())[connection] = None

    def prove(self, connection: Connection) -> None:
        """Take note that a valid token was shown on a connection.

        Raises RateLimited when there is no place for it.
        """
        if connection in self._proved:
            self._proved.move_to_end(connection)
        elif connection in self._unproved:
            if len(self._proved) >= self._capacity.proved:
                self._end(self._longest_idle())
            self.forget(connection)
            self._proved[connection] = None

    def forget(self, connection: Connection) -> None:
        """Take note of a connection's end."""
        self._proved.pop(connection, None)
        if connection in self._unproved:
            del self._unproved[connection]
            neighbours = self._unproved_of[connection.address]
            del neighbours[connection]
            if not neighbours:
                del self._unproved_of[connection.address]

    def _longest_idle(self) -> Connection:
        for connection in self._proved:
            if connection.is_between_requests:
                return connection
        raise RateLimited(
            f"This server has {self._capacity.proved:,} requests under way and takes no more; come"
            f" back in {_FULL_SECONDS:.0f} s.",
            retry_after=_FULL_SECONDS,
        )

    def _end(self, connection: Connection | None) -> None:
        if connection is not None:
            self.forget(connection)
            connection.end()


def _oldest_waiting(crowd: Collection[Connection]) -> Connection | None:
    return next((connection for connection in crowd if connection.waits_for_client), None)
