"""A pool of connections that knows why there is none."""

from typing import Any, Self

import psycopg
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool, PoolTimeout

from mcp_handoff.postgres.opening import CONNECT_TIMEOUT_SECONDS, Address


class Attempts:
    """Why the last attempt to connect failed, None if it did not."""

    refusal: psycopg.Error | None = None


class PooledConnection(psycopg.Connection[DictRow]):
    """A connection whose making is told to the pool: the pool itself only logs why it failed."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        attempts: Attempts = options.pop("attempts")
        try:
            connection = super().connect(conninfo, **options)
        except psycopg.Error as error:
            attempts.refusal = error
            raise
        attempts.refusal = None
        return connection


class Pool(ConnectionPool[PooledConnection]):
    """The connections of one process to a database, `size` at most."""

    def __init__(self, address: Address, size: int) -> None:
        self._attempts = Attempts()
        super().__init__(
            address.conninfo,
            connection_class=PooledConnection,
            kwargs={**address.options, "attempts": self._attempts},
            min_size=1,
            max_size=size,
            reconnect_timeout=CONNECT_TIMEOUT_SECONDS,
            open=True,
        )

    def getconn(self, timeout: float | None = None) -> PooledConnection:
        """Take a connection, which must be put back.

        Raises PoolTimeout, with the refusal of the last attempt to connect as its cause.
        """
        try:
            return super().getconn(timeout)
        except PoolTimeout as error:
            raise error from self._attempts.refusal
