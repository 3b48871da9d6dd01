"""The dispatcher: sends what is in the outbox, each at least once under one id."""

import asyncio
import logging
import random
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Generator,
)
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from anyio.abc import TaskGroup, TaskStatus

from mcp_handoff.addresses import server_of
from mcp_handoff.backend import Store
from mcp_handoff.dispatch.endpoints import BUILD_TRIGGERED, NotTaken
from mcp_handoff.dispatch.pace import Pace
from mcp_handoff.dispatches import Attempt, Destination, Dispatch, retry_in
from mcp_handoff.errors import HandoffError
from mcp_handoff.events import EVERYTHING, Change

if TYPE_CHECKING:
    from mcp_handoff.dispatch.sender import Sender

LOOK_SECONDS = 5.0
"""How often the outbox is looked at for what others left in it."""

PAUSE_SECONDS = 0.05
"""How long passes at least from one look to the next, however much happens."""

STORE_SECONDS = 2.0
"""How long the store may keep a process from ending that leases something or has leased it."""

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)


class Dispatcher:
    """Sends what is due in a store's outbox, and puts there what webhooks want to hear of.

    A sender is opened when there is somebody to tell; it sends runs as well if `sends_builds`.
    """

    def __init__(
        self, store: Store, open_sender: Callable[[], "Sender"], *, sends_builds: bool
    ) -> None:
        self._store = store
        self._open_sender = open_sender
        self._sends_builds = sends_builds
        self._paces = dict[Destination, Pace]()
        self._tells_webhooks = False
        self._woken = asyncio.Event()

    async def send_due(self, *, but_to: Collection[Destination] = ()) -> list[Attempt]:
        """Send everything that is due now, but to some and to whoever turns out to be down, and
        return how it went."""
        made: list[Attempt] = []
        passed_over = {*but_to} if self._sends_builds else {*but_to, None}
        async with aclosing(self._open_sender()) as sender:
            known = -1
            while known < len(made):
                known = len(made)
                await self._store.queue_events()
                while dispatch := await self._lease(passed_over):
                    made.append(await self._send(sender, dispatch))
                    if self._pace_of(dispatch).is_down:
                        passed_over.add(dispatch.destination)
        return made

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send whatever becomes due while this is entered; what is on its way when it is left is
        given back."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_sending)
            yield
            group.cancel_scope.cancel()

    async def _keep_sending(self) -> None:
        """Send while somebody is told, again when that could not go on; where nobody is told, look
        only whether that is still so."""
        while True:
            if self._sends_builds or await self._is_anybody_told():
                with _logged():
                    await self._send_when_due()
            await anyio.sleep(LOOK_SECONDS)

    async def _send_when_due(self) -> None:
        """Look at the outbox when something happened that somebody is told of, when more may be
        sent, and every LOOK_SECONDS. Raises BackendUnavailable when changes can't be followed."""
        async with (
            aclosing(self._open_sender()) as sender,
            self._store.changes() as changes,
            anyio.create_task_group() as senders,
        ):
            senders.start_soon(self._listen, changes)
            while True:
                self._woken.clear()
                next_look = anyio.current_time() + PAUSE_SECONDS
                with _logged():
                    await self._look(sender, senders)
                with anyio.move_on_after(self._patience()):
                    await self._woken.wait()
                await anyio.sleep_until(next_look)

    async def _is_anybody_told(self) -> bool:
        with _logged():
            return await self._store.queue_events()
        return False

    async def _listen(self, changes: AsyncIterator[Change]) -> None:
        kinds = {EVERYTHING.kind, BUILD_TRIGGERED}
        async for change in changes:
            about_webhooks = change.kind.startswith("webhook.")
            if change.kind in kinds or about_webhooks or self._tells_webhooks:
                self._woken.set()

    async def _look(self, sender: "Sender", senders: TaskGroup) -> None:
        """Begin to send what is due, to everybody as much as they bear.

        An idle process only reads: a lease, which takes the store's lock, is asked for where
        something is due.
        """
        self._tells_webhooks = await self._store.queue_events()
        while await self._store.is_dispatch_due(busy := self._busy()):
            dispatch = await self._lease(busy)
            if dispatch is None:
                break
            await senders.start(self._send_one, sender, dispatch)

    async def _send_one(
        self, sender: "Sender", dispatch: Dispatch, *, task_status: TaskStatus[None]
    ) -> None:
        """Send what was leased; from when it began it counts for its destination's pace."""
        with self._pace_of(dispatch).sending(), _logged():
            task_status.started()
            await self._send(sender, dispatch)
        self._woken.set()

    def _busy(self) -> list[Destination]:
        """Return to whom nothing more may be sent for now, by this process."""
        busy: list[Destination] = [to for to, pace in self._paces.items() if pace.is_busy]
        return busy if self._sends_builds else [*busy, None]

    def _patience(self) -> float:
        """Return for how long nothing need be looked at, unless something happens."""
        rests = [pace.rest for pace in self._paces.values() if pace.rest]
        return min([LOOK_SECONDS, *rests])

    def _pace_of(self, dispatch: Dispatch) -> Pace:
        return self._paces.setdefault(dispatch.destination, Pace(_name_of(dispatch)))

    async def _lease(self, busy: Collection[Destination]) -> Dispatch | None:
        return await _see_through(self._store.lease_dispatch(busy))

    async def _send(self, sender: "Sender", dispatch: Dispatch) -> Attempt:
        """Send what was leased. Only that can be cancelled: the lease is settled or given back."""
        try:
            await sender.send(dispatch)
            attempt = Attempt()
        except NotTaken as error:
            attempt = _failed(dispatch, error)
        except anyio.get_cancelled_exc_class():
            await _see_through(self._store.release_dispatch(dispatch))
            raise
        except Exception:  # a defect: what raised and was not counted would be sent for ever
            logger.exception("sending %s failed", dispatch.id)
            attempt = _failed(dispatch, NotTaken("sending it failed here, and the log says how"))
        self._pace_of(dispatch).note(taken=attempt.error is None)
        await _see_through(self._store.settle_dispatch(dispatch, attempt))
        if attempt.error:
            logger.warning("%s, dispatch %s: %s", _name_of(dispatch), dispatch.id, attempt.error)
        return attempt


def _failed(dispatch: Dispatch, error: NotTaken) -> Attempt:
    """Return an attempt that failed, with when the next one is due; a test has none."""
    chance = random.random()  # noqa: S311 - spreads waits, guards nothing
    again = not (error.gone or dispatch.is_test)
    wait = retry_in(dispatch.attempts + 1, error.asked, chance) if again else None
    return Attempt(error=f"The receiver did not take it: {error.why}.", retry_in=wait)


def _name_of(dispatch: Dispatch) -> str:
    """Return how the log calls whom something is sent to."""
    if dispatch.target is None:
        return "the receiver of builds"
    return f"webhook {dispatch.target.webhook_id} ({server_of(dispatch.target.url)})"


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
