"""Hearing of what any process changed, and knowing whether anything can be heard at all."""

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from threading import Event, Lock
from typing import Protocol, TypeVar
from uuid import uuid4

import anyio
import anyio.from_thread
import psycopg
from anyio.abc import TaskStatus
from psycopg.sql import SQL, Literal

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.errors import HandoffError
from mcp_handoff.events import EVERYTHING, Change
from mcp_handoff.postgres.journal import Journal
from mcp_handoff.postgres.opening import CONNECT_TIMEOUT_SECONDS, Address
from mcp_handoff.postgres.transaction import CHANNEL, WITHOUT_WAITING
from mcp_handoff.store.transaction import Transaction

ResultT = TypeVar("ResultT")

BEAT_SECONDS = 5.0
"""How often a process that listens tells itself something, by way of the database."""

SILENCE_SECONDS = 3.0
"""How long that may take; then nothing else is heard either."""

PAUSE_SECONDS = 0.05
"""How long at least lies between two readings of the events, where others announce new ones."""

POLL_SECONDS = 1.0
"""How often the events are read where nothing can be heard."""

POLLS = 20
"""How often they are, before listening is tried again."""

_LISTEN = SQL(
    "DO $$ BEGIN PERFORM set_config('search_path', {search_path}, true);"
    f" EXECUTE 'LISTEN ' || {CHANNEL}; EXECUTE 'LISTEN ' || {{beat}}; END $$"
)

logger = logging.getLogger(__name__)


class Run(Protocol):
    """Runs an operation that reads in a transaction of the database."""

    async def __call__(self, operation: Callable[[Transaction], ResultT]) -> ResultT: ...


class Listener:
    """Publishes, from a thread of its own, what any process changed.

    It reads the events when it hears that there are new ones, on a connection of its own, and at
    each beat, for who had written them may have ended before it said so. It listens as long as it
    hears its own beat, which it sends on another connection: a pooler may take LISTEN and pass
    nothing on. Where nothing is heard it reads the events now and then. After a gap it publishes
    EVERYTHING.
    """

    def __init__(self, address: Address, run: Run, feed: ChangeFeed) -> None:
        self._address = address
        path = address.search_path
        self._search_path = Literal(path) if path else SQL("current_setting('search_path')")
        self._run = run
        self._feed = feed
        self._journal = Journal()
        self._beat = f"mcp_handoff_beat_{uuid4().hex}"
        self._starting = Lock()
        self._begun = Event()
        self._heard = anyio.Event()
        self._due = anyio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: ExitStack | None = None
        self._ended = False

    def start(self) -> None:
        """Return once every change from now on will be published, or EVERYTHING in its place, or
        nothing any more.

        Raises BackendUnavailable when the database can't be reached.
        """
        with self._starting:
            if self._running is None and not self._ended:
                with ExitStack() as running:
                    portal = running.enter_context(anyio.from_thread.start_blocking_portal())
                    portal.call(self._read_journal)
                    running.callback(portal.start_task_soon(self._follow).cancel)
                    self._running = running.pop_all()
        self._begun.wait(CONNECT_TIMEOUT_SECONDS + SILENCE_SECONDS)

    def wake(self) -> None:
        """Have read what this process committed, without waiting until it hears of it."""
        if self._loop is not None and not self._due.is_set():
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._due.set)

    def stop(self) -> None:
        with self._starting:
            self._ended = True
            if self._running is not None:
                self._running.close()
        self._begun.set()

    async def _follow(self) -> None:
        self._loop = asyncio.get_running_loop()
        while True:
            if self._address.polls or not await self._listen():
                await self._poll()
            await anyio.sleep(random.uniform(0.2, 1))  # noqa: S311 - no secret

    async def _poll(self) -> None:
        """Read the events for a while, or until they can't be read."""
        self._begun.set()
        with suppress(HandoffError, psycopg.Error):
            for _ in range(POLLS):
                await self._tell()
                await anyio.sleep(POLL_SECONDS)

    async def _tell(self) -> None:
        self._feed.publish(await self._read_journal())

    async def _read_journal(self) -> list[Change]:
        return await self._run(self._journal.read)

    async def _listen(self) -> bool:
        """Listen until nothing is heard any more; tell whether anything ever was."""
        was_heard = False
        with suppress(psycopg.Error, TimeoutError):
            async with self._connected() as connection, anyio.create_task_group() as group:
                group.start_soon(self._hear, connection, group.cancel_scope)
                while await self._hears_beat():
                    if was_heard:
                        self._due.set()
                    else:
                        await group.start(self._tell_what_is_due)
                        was_heard = True
                        self._begun.set()
                    await anyio.sleep(BEAT_SECONDS)
                group.cancel_scope.cancel()
        logger.warning("listening ended" if was_heard else "nothing is heard; reading the events")
        if was_heard:
            self._journal = Journal()  # where it was read last is long ago
        return was_heard

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[psycopg.AsyncConnection]:
        """Listen on a connection of its own, which is closed however this ends."""
        async with AsyncExitStack() as stack:
            with anyio.fail_after(CONNECT_TIMEOUT_SECONDS):
                connection = await psycopg.AsyncConnection.connect(
                    self._address.conninfo, autocommit=True, prepare_threshold=None
                )
                stack.push_async_callback(connection.close)
                await connection.execute(
                    _LISTEN.format(search_path=self._search_path, beat=Literal(self._beat))
                )
            yield connection

    async def _hears_beat(self) -> bool:
        """Tell whether the beat comes back."""
        self._heard = anyio.Event()
        beat = f"SELECT {WITHOUT_WAITING}, pg_notify('{self._beat}', '')"
        with suppress(HandoffError, psycopg.Error), anyio.move_on_after(SILENCE_SECONDS):
            await self._run(lambda tx: tx.execute(beat))
            await self._heard.wait()
            return True
        return False

    async def _tell_what_is_due(self, *, task_status: TaskStatus[None]) -> None:
        """Publish what came before the first beat, and then what is new whenever that is announced;
        a reading that fails is made up for at the next beat."""
        with suppress(HandoffError, psycopg.Error):
            await self._tell()
        task_status.started()
        while True:
            await self._due.wait()
            self._due = anyio.Event()
            with suppress(HandoffError, psycopg.Error):
                await self._tell()
            await anyio.sleep(PAUSE_SECONDS)

    async def _hear(self, connection: psycopg.AsyncConnection, ended: anyio.CancelScope) -> None:
        """Heed what is announced and publish what no event tells of, until the connection is
        lost."""
        try:
            async for notification in connection.notifies():
                if notification.channel == self._beat:
                    self._heard.set()
                    continue
                # What is none of our changes comes from another version of this program.
                with suppress(TypeError, ValueError):
                    change = Change(**json.loads(notification.payload))
                    if change == EVERYTHING:
                        self._due.set()
                    else:
                        self._feed.publish([change])
        except psycopg.Error:
            logger.debug("listening ended", exc_info=True)
        ended.cancel()
