"""Two writes to PostgreSQL of which one comes upon the other while that is under way."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from mcp_handoff.store.store_backend import StoreBackend

FirstT = TypeVar("FirstT")
SecondT = TypeVar("SecondT")

SECONDS = 30

_WAITING = (
    "SELECT 1 AS one FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def interleaved(
    store: StoreBackend,
    first: Callable[[Callable[[], None]], Awaitable[FirstT]],
    second: Callable[[], Awaitable[SecondT]],
) -> tuple[FirstT, SecondT]:
    """Begin `first`, which in its transaction calls what it is given, and stays there until
    `second`, begun then, waits for a lock or is done; return what both return."""
    reached, released = threading.Event(), threading.Event()

    def pause() -> None:
        reached.set()
        released.wait(SECONDS)

    with anyio.fail_after(SECONDS):
        one = asyncio.ensure_future(first(pause))
        await asyncio.to_thread(reached.wait, SECONDS)
        other = asyncio.ensure_future(second())
        while not (other.done() or await store.database.read(lambda tx: tx.fetch_one(_WAITING))):
            pass
        released.set()
        return await one, await other
