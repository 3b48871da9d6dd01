"""Dispatch: sending the runs in the outbox to BUILD_DISPATCH_URL, each at least once under one id.

The messages follow Standard Webhooks (https://www.standardwebhooks.com).
"""

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup, TaskStatus
from standardwebhooks import Webhook

from mcp_handoff.backend import Store
from mcp_handoff.errors import HandoffError
from mcp_handoff.events import EVERYTHING
from mcp_handoff.http_client import Deadlines, HttpClient, HttpError, TimedOut
from mcp_handoff.pace import Pace
from mcp_handoff.retry_after import seconds_of
from mcp_handoff.runs import Attempt, Dispatch, retry_in, run_secret

CONNECT_SECONDS = 5.0
RESPONSE_SECONDS = 15.0
"""How long a receiver may take in all; a lease lasts longer."""

LOOK_SECONDS = 5.0
"""How often the outbox is looked at for what others left in it."""

STORE_SECONDS = 2.0
"""How long the store may keep a process from ending that leases something or has leased it."""

EVENT = "build.triggered"

_GONE = 410

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where dispatches are sent: its address, the secret that it shares with us (whsec_…), and
    where it reaches us to report (the address of our /api)."""

    url: str
    secret: str | None = None
    reports_to: str | None = None

    def body(self, dispatch: Dispatch, now: datetime) -> str:
        """Return the body of a dispatch; it says how to report where reports can be proved."""
        data = dict(dispatch.payload)
        if self.secret and self.reports_to:
            data["report_url"] = f"{self.reports_to}/runs/{dispatch.run_id}/report"
            data["report_token"] = run_secret(self.secret, dispatch.run_id)
        return json.dumps({"type": EVENT, "timestamp": now.isoformat(), "data": data})

    def headers(self, dispatch: Dispatch, body: str, now: datetime) -> Mapping[str, str]:
        """Return the headers of Standard Webhooks; signed when there is a secret."""
        headers = {
            "content-type": "application/json",
            "webhook-id": dispatch.run_id,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if self.secret:
            signature = Webhook(self.secret).sign(dispatch.run_id, now, body)
            headers["webhook-signature"] = signature
        return headers

    async def send(self, http: HttpClient, dispatch: Dispatch) -> Attempt:
        """Send a run's dispatch once and return how that ended, judged by the status alone."""
        now = datetime.now(UTC)
        body = self.body(dispatch, now)
        headers = self.headers(dispatch, body, now)
        try:
            response = await http.request("POST", self.url, headers=headers, content=body)
        except TimedOut:
            return _failed(dispatch, f"it gave no response within {RESPONSE_SECONDS:.0f} s")
        except HttpError:
            return _failed(dispatch, "it can't be reached, or broke off")
        if 200 <= response.status < 300:
            return Attempt()
        if response.status == _GONE:
            return Attempt(error="The receiver responded 410: it takes no more dispatches.")
        if 300 <= response.status < 400:
            return _failed(dispatch, "it responded with a redirect, and none is followed")
        asked = seconds_of(response.headers.get("Retry-After"))
        return _failed(dispatch, f"it responded with status {response.status}", asked)


class Dispatcher:
    """Sends what is due in a store's outbox."""

    def __init__(self, store: Store, receiver: Receiver) -> None:
        self._store = store
        self._receiver = receiver
        self._pace = Pace()

    async def send_due(self) -> list[Attempt]:
        """Send everything that is due now, unless the receiver turns out to be down, and return
        how it went."""
        made: list[Attempt] = []
        async with aclosing(_http_client()) as http:
            while dispatch := await self._lease():
                made.append(await self._send(http, dispatch))
                if self._pace.is_down:
                    break
        return made

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send whatever becomes due while this is entered; what is on its way when it is left is
        given back."""
        async with aclosing(_http_client()) as http, anyio.create_task_group() as group:
            group.start_soon(self._keep_sending, http, group)
            yield
            group.cancel_scope.cancel()

    async def _keep_sending(self, http: HttpClient, senders: TaskGroup) -> None:
        """Look at the outbox when a build was triggered, and every LOOK_SECONDS.

        An idle process only reads: a lease, which takes the store's lock, is asked for where
        something is due.
        """
        async with self._store.changes() as changes:
            while True:
                with _logged():
                    while await self._store.is_dispatch_due():
                        if not await senders.start(self._send_one, http):
                            break
                with anyio.move_on_after(LOOK_SECONDS):
                    async for change in changes:
                        if change.kind in (EVENT, EVERYTHING.kind):
                            break

    async def _send_one(self, http: HttpClient, *, task_status: TaskStatus[bool]) -> None:
        """Send what comes next, having said whether there was something."""
        async with self._pace.turn():
            dispatch = await self._lease()
            task_status.started(dispatch is not None)
            if dispatch is not None:
                with _logged():
                    await self._send(http, dispatch)

    async def _lease(self) -> Dispatch | None:
        return await _see_through(self._store.lease_dispatch())

    async def _send(self, http: HttpClient, dispatch: Dispatch) -> Attempt:
        """Send what was leased. Only that can be cancelled: the lease is settled or given back."""
        try:
            attempt = await self._receiver.send(http, dispatch)
        except anyio.get_cancelled_exc_class():
            await _see_through(self._store.release_dispatch(dispatch))
            raise
        except Exception:  # a defect: a run that raised and was not counted would be sent for ever
            logger.exception("sending run %s failed", dispatch.run_id)
            attempt = _failed(dispatch, "sending it failed here, and the log says how")
        self._pace.note(taken=attempt.retry_in is None)
        await _see_through(self._store.settle_dispatch(dispatch, attempt))
        if attempt.error:
            logger.warning("run %s was not dispatched: %s", dispatch.run_id, attempt.error)
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


def _http_client() -> HttpClient:
    deadlines = Deadlines(CONNECT_SECONDS, read=RESPONSE_SECONDS, total=RESPONSE_SECONDS)
    return HttpClient(deadlines, body_limit=0)


def _failed(dispatch: Dispatch, why: str, asked: float | None = None) -> Attempt:
    chance = random.random()  # noqa: S311 - spreads waits, guards nothing
    wait = retry_in(dispatch.attempts + 1, asked, chance)
    return Attempt(error=f"The receiver did not take it: {why}.", retry_in=wait)
