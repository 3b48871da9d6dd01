"""Whether the client is still there whose call takes a while."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

ResultT = TypeVar("ResultT")


async def while_connected(request: Request, call: Awaitable[ResultT]) -> ResultT:
    """Return what a call returns; give it up, and raise ClientDisconnect, when its client leaves.

    The request has no body that anything else reads.
    """
    with anyio.CancelScope() as under_way:

        async def give_up_alone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            under_way.cancel()

        watching = asyncio.create_task(give_up_alone())
        try:
            return await call
        finally:
            watching.cancel()
    raise ClientDisconnect
