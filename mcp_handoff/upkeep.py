"""Upkeep: what a store sees to now and then without being asked."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio

from mcp_handoff.backend import Store
from mcp_handoff.errors import HandoffError

logger = logging.getLogger(__name__)


@asynccontextmanager
async def upkeep(
    store: Store, every_seconds: float, *, keep_keys_days: int, build_timeout: int
) -> AsyncGenerator[None]:
    """See to a store that can be written, at once and every so many seconds while this is entered:
    mark suggestions that have expired, forget old idempotency keys and deliveries, and end builds
    that have not reported for `build_timeout` hours (0: never). What goes wrong is logged, and
    tried again the next time."""
    tasks = [
        store.expire_suggestions,
        store.forget_deliveries,
        partial(store.forget_keys, keep_keys_days),
    ]
    if build_timeout:
        tasks.append(partial(store.end_overdue_runs, build_timeout))
    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(_repeat, task, every_seconds)
        yield
        group.cancel_scope.cancel()


async def _repeat(task: Callable[[], Awaitable[None]], every_seconds: float) -> None:
    while True:
        try:
            await task()
        except HandoffError as error:
            logger.warning("what is over can't be seen to: %s", error.message)
        except Exception:
            logger.exception("upkeep failed")
        await anyio.sleep(every_seconds)
