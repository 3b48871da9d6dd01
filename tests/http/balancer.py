"""A balancer as plain as can be: each connection goes to the next server."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream


@asynccontextmanager
async def balanced(urls: Sequence[str]) -> AsyncGenerator[str]:
    """Balance over servers and yield the address; the end of the block ends every connection."""
    turns = cycle(urls)

    async def serve(client: SocketStream) -> None:
        turn = urlsplit(next(turns))
        async with (
            client,
            await anyio.connect_tcp(turn.hostname or "", turn.port or 0) as server,
            anyio.create_task_group() as both_ways,
        ):
            both_ways.start_soon(_pass_on, client, server)
            both_ways.start_soon(_pass_on, server, client)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listening,
        anyio.create_task_group() as connections,
    ):
        connections.start_soon(listening.serve, serve)
        yield f"http://127.0.0.1:{listening.extra(SocketAttribute.local_port)}"
        connections.cancel_scope.cancel()


async def _pass_on(source: SocketStream, target: SocketStream) -> None:
    with suppress(anyio.BrokenResourceError):
        async for part in source:
            await target.send(part)
    await target.send_eof()
