"""Dispatches: what is sent to others, such as whoever builds, and when it is tried again.

They follow Standard Webhooks (https://www.standardwebhooks.com).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long to wait after each attempt that failed; after the last one it is given up."""

JITTER = 0.1
"""By which part of itself a wait may be longer, so that not all come back at once."""

LEASE_SECONDS = 60
"""How long one process has a dispatch to itself; then it is anyone's again."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What is to be sent under one id, that of a run: the payload, how often it was tried, and the
    lease under which this process has it."""

    id: str
    payload: Mapping[str, Any]
    attempts: int
    lease: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """How sending it to the receiver ended: `error` is None when it took it, `retry_in` the seconds
    until the next attempt, None when there is none."""

    error: str | None = None
    retry_in: float | None = None


class DispatchOperations(Protocol):
    """What a store does with what is to be sent."""

    async def count_dispatches(self) -> int:
        """Return how many triggered builds wait to be dispatched."""
        ...

    async def is_dispatch_due(self) -> bool:
        """Tell whether `lease_dispatch` would find something, without keeping a writer waiting."""
        ...

    async def lease_dispatch(self) -> Dispatch | None:
        """Lease the run that is to be dispatched next, for LEASE_SECONDS: of those that were never
        tried the newest, else the one that has been due for longest; None when none is due that
        nobody else has."""
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
