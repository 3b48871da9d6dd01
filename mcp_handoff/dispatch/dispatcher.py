"""The dispatcher: sends what is in the outbox, each at least once under one id."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup, TaskStatus

from mcp_handoff.backend import Store
from mcp_handoff.dispatch.endpoints import BUILD_TRIGGERED, BuildEndpoint
from mcp_handoff.dispatch.pace import Pace
from mcp_handoff.dispatch.sender import Sender, failed
from mcp_handoff.dispatches import Attempt, Dispatch
from mcp_handoff.errors import HandoffError
from mcp_handoff.events import EVERYTHING

LOOK_SECONDS = 5.0
"""How often the outbox is looked at for what others left in it."""

STORE_SECONDS = 2.0
"""How long the store may keep a process from ending that leases something or has leased it."""

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)


class Dispatcher:
    """Sends what is due in a store's outbox."""

    def __init__(self, store: Store, builds: BuildEndpoint) -> None:
        self._store = store
        self._builds = builds
        self._pace = Pace()

    async def send_due(self) -> list[Attempt]:
        """Send everything that is due now, unless the receiver turns out to be down, and return
        how it went."""
        made: list[Attempt] = []
        async with aclosing(Sender(self._builds)) as sender:
            while dispatch := await self._lease():
                made.append(await self._send(sender, dispatch))
                if self._pace.is_down:
                    break
        return made

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send whatever becomes due while this is entered; what is on its way when it is left is
        given back."""
        async with aclosing(Sender(self._builds)) as sender, anyio.create_task_group() as group:
            group.start_soon(self._keep_sending, sender, group)
            yield
            group.cancel_scope.cancel()

    async def _keep_sending(self, sender: Sender, senders: TaskGroup) -> None:
        """Look at the outbox when a build was triggered, and every LOOK_SECONDS.

        An idle process only reads: a lease, which takes the store's lock, is asked for where
        something is due.
        """
        async with self._store.changes() as changes:
            while True:
                with _logged():
                    while await self._store.is_dispatch_due():
                        if not await senders.start(self._send_one, sender):
                            break
                with anyio.move_on_after(LOOK_SECONDS):
                    async for change in changes:
                        if change.kind in (BUILD_TRIGGERED, EVERYTHING.kind):
                            break

    async def _send_one(self, sender: Sender, *, task_status: TaskStatus[bool]) -> None:
        """Send what comes next, having said whether there was something."""
        async with self._pace.turn():
            dispatch = await self._lease()
            task_status.started(dispatch is not None)
            if dispatch is not None:
                with _logged():
                    await self._send(sender, dispatch)

    async def _lease(self) -> Dispatch | None:
        return await _see_through(self._store.lease_dispatch())

    async def _send(self, sender: Sender, dispatch: Dispatch) -> Attempt:
        """Send what was leased. Only that can be cancelled: the lease is settled or given back."""
        try:
            attempt = await sender.send(dispatch)
        except anyio.get_cancelled_exc_class():
            await _see_through(self._store.release_dispatch(dispatch))
            raise
        except Exception:  # a defect: a run that raised and was not counted would be sent for ever
            logger.exception("sending run %s failed", dispatch.id)
            attempt = failed(dispatch, "sending it failed here, and the log says how")
        self._pace.note(taken=attempt.retry_in is None)
        await _see_through(self._store.settle_dispatch(dispatch, attempt))
        if attempt.error:
            logger.warning("run %s was not dispatched: %s", dispatch.id, attempt.error)
        return attempt


async def _see_through(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Do it though it is cancelled, unless that takes longer than STORE_SECONDS; whoever was
    cancelled is told at the next wait."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with anyio.move_on_after(STORE_SECONDS, shield=True):
            return await task
        raise


@contextmanager
def _logged() -> Generator[None]:
    """Log what went wrong, and go on."""
    try:
        yield
    except HandoffError as error:
        logger.warning("the outbox can't be worked on: %s", error.message)
    except Exception:
        logger.exception("dispatching failed")
