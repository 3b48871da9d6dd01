"""Dispatches: what is sent to others, whoever builds and webhooks, and when it is tried again.

They follow Standard Webhooks (https://www.standardwebhooks.com).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp_handoff.webhooks import TEST, WebhookFormat

Destination = str | None
"""Whom something is sent to: the id of a webhook, None for the receiver of builds."""

RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long to wait after each attempt that failed; after the last one it is given up."""

JITTER = 0.1
"""By which part of itself a wait may be longer, so that not all come back at once."""

LEASE_SECONDS = 60
"""How long one process has a dispatch to itself; then it is anyone's again."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook's messages go, and how they are written."""

    webhook_id: str
    url: str = field(repr=False)  # its path may hold a key
    secret: str | None = field(repr=False)
    format: WebhookFormat


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What is to be sent under one id, that of a run or of a message to a webhook: the payload, how
    often it was tried, and the lease under which this process has it. `target` is None for runs,
    which go to the receiver of builds."""

    id: str
    payload: Mapping[str, Any]
    attempts: int
    lease: str
    target: Target | None = None

    @property
    def destination(self) -> Destination:
        """Whom it is sent to."""
        return self.target and self.target.webhook_id

    @property
    def is_test(self) -> bool:
        """Whether it only shows if a webhook takes messages: it is sent once."""
        return self.payload.get("type") == TEST


@dataclass(frozen=True, slots=True)
class Attempt:
    """How sending something ended: `error` is None when it was taken, `retry_in` the seconds until
    the next attempt, None when there is none."""

    error: str | None = None
    retry_in: float | None = None


class DispatchOperations(Protocol):
    """What a store does with what is to be sent."""

    async def count_dispatches(self) -> int:
        """Return how much waits to be sent."""
        ...

    async def is_dispatch_due(self, busy: Collection[Destination] = (), /) -> bool:
        """Tell whether `lease_dispatch` would find something, without keeping a writer waiting."""
        ...

    async def lease_dispatch(self, busy: Collection[Destination] = (), /) -> Dispatch | None:
        """Lease what is to be sent next to whoever is not `busy`, for LEASE_SECONDS; None when
        nothing is due that nobody else has.

        Of runs, those that were never tried go first, the newest of them before the others. A
        webhook's messages go in the order of what happened, those about one ticket one by one.
        """
        ...

    async def settle_dispatch(self, dispatch: Dispatch, attempt: Attempt, /) -> None:
        """Keep how an attempt ended; nothing, once the lease went to someone else."""
        ...

    async def release_dispatch(self, dispatch: Dispatch, /) -> None:
        """Give a lease back, so that others need not wait until it ends."""
        ...


def retry_in(attempts: int, asked: float | None, chance: float) -> float | None:
    """Return the seconds until the next attempt after so many, None when it is given up.

    `asked` is what the receiver asked for (Retry-After); `chance`, from 0 to 1, spreads the rest.
    """
    if attempts > len(RETRY_SECONDS):
        return None
    wait = RETRY_SECONDS[attempts - 1] * (1 + JITTER * chance)
    return max(wait, min(asked or 0.0, RETRY_SECONDS[-1]))
