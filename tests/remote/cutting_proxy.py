"""A proxy before an API that cuts some of the requests and of the responses, by lot."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Self
from urllib.parse import urlsplit

SHARE = 0.05


class CuttingProxy:
    """Passes requests and responses on, and cuts SHARE of each somewhere in the middle, or before
    their first byte: then both connections end. `cuts` counts those."""

    def __init__(self, url: str, seed: int) -> None:
        self._server = urlsplit(url)
        self._lot = Random(seed)
        self._connections = set[asyncio.Task[None]]()
        self.cuts = 0
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str, seed: int) -> AsyncGenerator[Self]:
        """Listen on a free port while this is entered; its clients leave before it."""
        proxy = cls(url, seed)
        listening = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        proxy.url = proxy._server._replace(netloc=f"127.0.0.1:{port}").geturl()
        try:
            yield proxy
        finally:
            listening.close()
            await asyncio.gather(*proxy._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        upstream, server = await asyncio.open_connection(self._server.hostname, self._server.port)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._pass_on(reader, server) and await self._pass_on(upstream, writer):
                    pass
        finally:
            for end in (writer, server):
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass one message on; tell whether it was left whole."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        sizes = [int(value) for name, _, value in lines if name == b"content-length"]
        message = head + await reader.readexactly(sum(sizes))
        is_cut = self._lot.random() < SHARE
        if is_cut:
            self.cuts += 1
            message = message[: self._lot.randrange(len(message))]
        writer.write(message)
        await writer.drain()
        return not is_cut
