"""Hearing what any process published."""

import json
import logging
import random
from collections.abc import Callable
from contextlib import ExitStack, suppress
from threading import Lock

import anyio
import anyio.from_thread
import psycopg
from anyio.abc import TaskStatus

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.events import Change
from mcp_handoff.postgres.failures import failure
from mcp_handoff.postgres.transaction import CHANNEL

_LISTEN = f"DO $$ BEGIN EXECUTE 'LISTEN ' || {CHANNEL}; END $$".encode()

logger = logging.getLogger(__name__)


class Listener:
    """Hears, on a connection and a thread of its own, what any process published."""

    def __init__(self, conninfo: str, feed: ChangeFeed) -> None:
        self._conninfo = conninfo
        self._feed = feed
        self._starting = Lock()
        self._running = ExitStack()
        self._started = False

    def start(self) -> None:
        """Return once every change will be heard; what is published while it connects anew is
        missed."""
        with self._starting:
            if self._started:
                return
            portal = self._running.enter_context(anyio.from_thread.start_blocking_portal())
            try:
                listening, _ = portal.start_task(self._listen)
            except psycopg.Error as error:
                self._running.close()
                raise failure(error, writing=False) from error
            self._running.callback(listening.cancel)
            self._started = True

    def stop(self) -> None:
        self._running.close()

    async def _listen(self, *, task_status: TaskStatus[None]) -> None:
        await self._hear(task_status.started)
        while True:
            logger.warning("the connection that listens was lost")
            await anyio.sleep(random.uniform(0.2, 1))  # noqa: S311 - no secret
            try:
                await self._hear(lambda: logger.warning("listening again"))
            except psycopg.Error:
                logger.debug("listening failed", exc_info=True)

    async def _hear(self, begun: Callable[[], None]) -> None:
        """Listen until the connection is lost; raises psycopg.Error when it can't be had."""
        async with await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True
        ) as connection:
            await connection.execute(_LISTEN)
            begun()
            try:
                async for notification in connection.notifies():
                    # What is none of our changes comes from another version of this program.
                    with suppress(TypeError, ValueError):
                        self._feed.publish([Change(**json.loads(notification.payload))])
            except psycopg.OperationalError:
                logger.debug("listening ended", exc_info=True)
