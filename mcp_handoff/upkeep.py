"""Upkeep: what a store sees to now and then without being asked."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from mcp_handoff.backend import Store
from mcp_handoff.errors import HandoffError

logger = logging.getLogger(__name__)


@asynccontextmanager
async def upkeep(store: Store, every_seconds: float, keep_keys_days: int) -> AsyncGenerator[None]:
    """Mark what has expired in a store that can be written, and forget old idempotency keys, at
    once and every so many seconds while this is entered. What goes wrong is logged, and tried again
    the next time."""
    async with anyio.create_task_group() as group:
        group.start_soon(_keep_up, store, every_seconds, keep_keys_days)
        yield
        group.cancel_scope.cancel()


async def _keep_up(store: Store, every_seconds: float, keep_keys_days: int) -> None:
    while True:
        try:
            await store.expire_suggestions()
            await store.forget_keys(keep_keys_days)
        except HandoffError as error:
            logger.warning("what is over can't be seen to: %s", error.message)
        except Exception:
            logger.exception("upkeep failed")
        await anyio.sleep(every_seconds)
