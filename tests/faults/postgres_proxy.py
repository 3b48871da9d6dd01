"""A proxy before PostgreSQL that passes on message by message, and fails as it is told.

The messages: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import urlsplit, urlunsplit

Side = Literal["client", "server"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Ends a connection in place of the message of this number that this side sends, counted from
    the COMMIT of a write on; what was sent before arrives. Silently it only passes on nothing more,
    and the client has to end it."""

    side: Side
    number: int
    silently: bool = False


class PostgresProxy:
    """Passes on between its clients and one server.

    `passed` counts the messages of the newest write from its COMMIT on, by the side that sent them.
    Nothing at all is passed on while `swallows` is set.
    """

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._port = 0
        self._links = dict[_Link, asyncio.Task[None]]()
        self.passed = Counter[Side]()
        self._cut: Cut | None = None
        self._settled = asyncio.Event()
        self.swallows = False

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str) -> AsyncGenerator[Self]:
        """Listen on a free port while this is entered."""
        proxy = cls(url)
        listening = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy._port = listening.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            listening.close()
            proxy.cut_all()
            await asyncio.gather(*proxy._links.values())

    @property
    def url(self) -> str:
        """The URL of the server by way of this proxy, without TLS."""
        credentials, _, _ = self._server.netloc.rpartition("@")
        query = "&".join(filter(None, [self._server.query, "sslmode=disable"]))
        place = f"{credentials}@127.0.0.1:{self._port}"
        return urlunsplit(self._server._replace(netloc=place, query=query))

    @contextmanager
    def cutting(self, cut: Cut) -> Generator[asyncio.Event]:
        """Cut once while this is entered; yield what is set when the server has ended what it had
        been sent."""
        self._cut, self._settled = cut, asyncio.Event()
        yield self._settled
        assert self._cut is None, f"{cut} did not come"

    def cut_all(self) -> None:
        """End every connection that there is, at whatever message it is."""
        for link in self._links:
            link.close()

    def count(self, side: Side) -> Cut | None:
        """Count a message; return the cut that comes in its place."""
        number = self.passed[side]
        self.passed[side] += 1
        if self._cut is None or (self._cut.side, self._cut.number) != (side, number):
            return None
        cut, self._cut = self._cut, None
        return cut

    def settle(self) -> None:
        self._settled.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await asyncio.open_connection(self._server.hostname, self._server.port)
        link = _Link(self, (reader, writer), server)
        task = asyncio.current_task()
        assert task is not None
        self._links[link] = task
        await asyncio.gather(link.pass_on("client"), link.pass_on("server"))
        link.close()
        del self._links[link]


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """A client's connection and the one to the server that goes with it."""

    def __init__(self, proxy: PostgresProxy, client: Stream, server: Stream) -> None:
        self._proxy = proxy
        self._from = {"client": client[0], "server": server[0]}
        self._to = {"client": server[1], "server": client[1]}
        self._statements = dict[bytes, bytes]()
        self._writing = self._committing = False
        self._is_cut = self._has_ended = False

    async def pass_on(self, side: Side) -> None:
        """Pass on what a side sends until it ends, and then end the other."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            if side == "client":
                self._to[side].write(await self._next(side, b""))
            while True:
                kind = await self._from[side].readexactly(1)
                message = await self._next(side, kind)
                if side == "client":
                    self._note_commit(kind, message)
                if self._committing and not self._is_cut and (cut := self._proxy.count(side)):
                    self._is_cut = True
                    if not cut.silently:
                        self._end()
                if not (self._is_cut or self._has_ended or self._proxy.swallows):
                    self._to[side].write(message)
                    await self._to[side].drain()
        self._end()
        if side == "server" and self._is_cut:
            self._proxy.settle()

    def close(self) -> None:
        for writer in self._to.values():
            writer.close()

    async def _next(self, side: Side, kind: bytes) -> bytes:
        length = await self._from[side].readexactly(4)
        return kind + length + await self._from[side].readexactly(int.from_bytes(length) - 4)

    def _note_commit(self, kind: bytes, message: bytes) -> None:
        """Note whether a statement ends a transaction or begins one; a prepared one is named."""
        if kind == b"P":
            name, sql, _ = message[5:].split(b"\0", 2)
            self._statements[name] = sql
        elif kind == b"B":
            _, name, _ = message[5:].split(b"\0", 2)
            sql = self._statements[name]
        else:
            return
        if sql.startswith(b"BEGIN"):
            self._writing, self._committing = b"READ ONLY" not in sql, False
        elif sql == b"COMMIT" and self._writing and not self._committing:
            self._committing = True
            self._proxy.passed.clear()

    def _end(self) -> None:
        """End both connections, once what was sent before has arrived."""
        self._has_ended = True
        for writer in self._to.values():
            with suppress(OSError):  # it has ended by itself
                writer.write_eof()
