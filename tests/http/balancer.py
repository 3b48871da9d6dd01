"""A balancer as plain as can be: each connection goes to the next server."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from urllib.parse import urlsplit


@asynccontextmanager
async def balanced(urls: Sequence[str]) -> AsyncGenerator[str]:
    """Balance over servers until the block ends; yield the address."""
    turns = cycle(urls)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = urlsplit(next(turns))
        theirs, to_them = await asyncio.open_connection(server.hostname, server.port)
        with suppress(OSError):
            await asyncio.gather(_pass_on(reader, to_them), _pass_on(theirs, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65_536):
        writer.write(part)
        await writer.drain()
    writer.close()
