"""Dispatch: telling BUILD_DISPATCH_URL of the runs in the outbox, each at least once under one id.

The messages follow Standard Webhooks (https://www.standardwebhooks.com).
"""

import json
import logging
import random
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
import httpx2
from anyio.abc import TaskGroup, TaskStatus
from standardwebhooks import Webhook

from mcp_handoff.backend import Store
from mcp_handoff.errors import HandoffError
from mcp_handoff.retry_after import seconds_of
from mcp_handoff.runs import Attempt, Dispatch, retry_in, run_secret

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
"""How long a receiver may take in all; a lease lasts longer."""

LOOK_SECONDS = 5.0
"""How often the outbox is looked at for what others left in it."""

SENDERS = 4
"""How many runs one process sends at once."""

EVENT = "build.triggered"

_GONE = 410
_TIMEOUT = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where runs are dispatched to: its address, the secret that it shares with us (whsec_…), and
    where it reaches us to report (the address of our /api)."""

    url: str
    secret: str | None = None
    reports_to: str | None = None

    def body(self, dispatch: Dispatch, now: datetime) -> str:
        """Return the message that dispatches a run; it says how to report only where reports can be
        proved."""
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


class Dispatcher:
    """Sends what is due in a store's outbox."""

    def __init__(self, store: Store, receiver: Receiver) -> None:
        self._store = store
        self._receiver = receiver

    async def send_due(self) -> list[Attempt]:
        """Send everything that is due now and return how it went."""
        made: list[Attempt] = []
        async with _client(self._receiver.url) as http:
            while dispatch := await self._lease():
                made.append(await self._send(http, dispatch))
        return made

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send whatever becomes due while this is entered; what is on its way when it is left is
        given back."""
        async with _client(self._receiver.url) as http, anyio.create_task_group() as group:
            group.start_soon(self._keep_sending, http, group)
            yield
            group.cancel_scope.cancel()

    async def _keep_sending(self, http: httpx2.AsyncClient, senders: TaskGroup) -> None:
        """Look at the outbox when a build was triggered, and every LOOK_SECONDS.

        An idle process only reads: a lease, which takes the store's lock, is asked for where
        something is due.
        """
        free = anyio.Semaphore(SENDERS)
        async with self._store.changes() as changes:
            while True:
                with _logged():
                    while await self._store.is_dispatch_due():
                        if not await senders.start(self._send_one, http, free):
                            break
                with anyio.move_on_after(LOOK_SECONDS):
                    async for change in changes:
                        if change.kind == EVENT:
                            break

    async def _send_one(
        self, http: httpx2.AsyncClient, free: anyio.Semaphore, *, task_status: TaskStatus[bool]
    ) -> None:
        """Send what has waited longest, having said whether there was something."""
        async with free:
            dispatch = await self._lease()
            task_status.started(dispatch is not None)
            if dispatch is not None:
                with _logged():
                    await self._send(http, dispatch)

    async def _lease(self) -> Dispatch | None:
        with anyio.CancelScope(shield=True):
            return await self._store.lease_dispatch()

    async def _send(self, http: httpx2.AsyncClient, dispatch: Dispatch) -> Attempt:
        """Send what was leased. Only that can be cancelled: the lease is settled or given back."""
        try:
            attempt = await self._attempt(http, dispatch)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._store.release_dispatch(dispatch)
            raise
        with anyio.CancelScope(shield=True):
            await self._store.settle_dispatch(dispatch, attempt)
        if attempt.error:
            logger.warning("run %s was not dispatched: %s", dispatch.run_id, attempt.error)
        return attempt

    async def _attempt(self, http: httpx2.AsyncClient, dispatch: Dispatch) -> Attempt:
        now = datetime.now(UTC)
        body = self._receiver.body(dispatch, now)
        headers = self._receiver.headers(dispatch, body, now)
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                async with http.stream(
                    "POST", self._receiver.url, content=body, headers=headers
                ) as response:
                    return _outcome(response, dispatch)
        except TimeoutError:
            return _failed(dispatch, f"it gave no answer within {ANSWER_SECONDS:.0f} s")
        except httpx2.HTTPError:
            return _failed(dispatch, "it can't be reached, or broke off")


@contextmanager
def _logged() -> Generator[None]:
    """Log what went wrong, and go on."""
    try:
        yield
    except HandoffError as error:
        logger.warning("the outbox can't be worked on: %s", error.message)
    except Exception:
        logger.exception("dispatching failed")


def _client(url: str) -> httpx2.AsyncClient:
    # A proxy could read what is sent over http://, a run's secret too.
    proxies = url.startswith("https://")
    return httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=proxies)


def _outcome(response: httpx2.Response, dispatch: Dispatch) -> Attempt:
    """Judge by the status alone: what else the receiver says is not read."""
    if response.is_success:
        return Attempt()
    if response.status_code == _GONE:
        return Attempt(error="The receiver answered 410: it takes no more dispatches.")
    if response.is_redirect:
        return _failed(dispatch, "it answered with a redirect, and none is followed")
    asked = seconds_of(response.headers.get("Retry-After"))
    return _failed(dispatch, f"it answered with status {response.status_code}", asked)


def _failed(dispatch: Dispatch, why: str, asked: float | None = None) -> Attempt:
    chance = random.random()  # noqa: S311 - spreads waits, guards nothing
    wait = retry_in(dispatch.attempts + 1, asked, chance)
    return Attempt(error=f"The receiver did not take it: {why}.", retry_in=wait)
