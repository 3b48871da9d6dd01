"""How many clients a server takes at once: as many as its process may hold files open for."""

import logging
import resource
from dataclasses import dataclass

from mcp_handoff.errors import Misconfigured

CONNECTIONS = 8_000
"""How many connections are taken at most: some 200 MB of them, and as much again once each of the
streams that it leaves room for is open."""

RESERVED_FILES = 192
"""Open files that no connection gets: the store's, those to a backing API and to receivers of
builds, and the connections that are taken in the moment before another has given way."""

LEAST_CONNECTIONS = 256
"""With fewer a server does not start: a share of them would be hardly anything."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Capacity:
    """The connections that are taken at once, and who gets how many of them."""

    connections: int

    @property
    def unproved(self) -> int:
        """Connections on which no valid token was shown yet."""
        return self.connections // 4

    @property
    def unproved_of_one_address(self) -> int:
        """The same from one address, which may be that of a proxy."""
        return self.unproved // 2

    @property
    def proved(self) -> int:
        """Connections on which a valid token was shown."""
        return self.connections - self.unproved

    @property
    def streams(self) -> int:
        """Of these, streams of notifications, which stay open."""
        return self.proved // 2

    @property
    def streams_of_one(self) -> int:
        """Streams of one token."""
        return self.streams // 4

    @property
    def waits(self) -> int:
        """Calls that wait for a change, which stay for a while."""
        return self.proved // 3

    @property
    def waits_of_one(self) -> int:
        """Such calls of one token."""
        return self.waits // 4

    @property
    def calls_of_one(self) -> int:
        """Requests under way with one token beside its streams, calls that wait among them."""
        return self.proved // 4

    @property
    def sessions(self) -> int:
        """Sessions of the handshake revisions, some 47 KB each: when one more is opened, there is
        one on which no connection has a request under way."""
        return self.connections

    @property
    def sessions_of_one(self) -> int:
        """Sessions of one token, of which one is always unused when it opens another."""
        return self.streams_of_one + self.calls_of_one


def available_capacity() -> Capacity:
    """Return what the limit of open files leaves room for, once it is as high as it may be.

    Raises Misconfigured where that is next to nothing.
    """
    wanted = CONNECTIONS + RESERVED_FILES
    files, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < wanted:
        files = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, highest))
    connections = min(CONNECTIONS, files - RESERVED_FILES)
    advice = f"raise the limit of open files from {files} to {wanted} (ulimit -n)"
    if connections < LEAST_CONNECTIONS:
        raise Misconfigured(f"There are too few files to serve anyone; {advice}.")
    if connections < CONNECTIONS:
        logger.warning("%d connections are taken at once; for more, %s.", connections, advice)
    return Capacity(connections)
