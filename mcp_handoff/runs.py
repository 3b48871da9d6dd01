"""Build runs: one triggering of a bot build each, how it is dispatched and what it reports.

Dispatches follow Standard Webhooks (https://www.standardwebhooks.com).
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import StringConstraints

from mcp_handoff.actors import Caller
from mcp_handoff.schema import STORABLE, Name, Record, Request, Timestamp, Uuid

RunStatus = Literal["queued", "dispatched", "dispatch_failed", "running", "succeeded", "failed"]
Report = Literal["running", "succeeded", "failed"]

GivenUp = Literal["overdue", "replaced"]
"""Why a run is taken to have failed that did not say so itself."""

UNDER_WAY: frozenset[str] = frozenset({"queued", "dispatched", "running"})

RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long to wait after each attempt that failed; after the last one it is given up."""

JITTER = 0.1
"""By which part of itself a wait may be longer, so that not all come back at once."""

LEASE_SECONDS = 60
"""How long one process has a dispatch to itself; then it is anyone's again."""

_ORDER = ("queued", "dispatch_failed", "dispatched", "running", "succeeded", "failed")
_FINAL = frozenset({"succeeded", "failed"})


class BuildRun(Record):
    """One triggering of a bot build, as `ai_output.build_run` shows it."""

    id: str
    build_id: str
    status: RunStatus
    provider: str | None
    repo: str | None
    requested_by: str | None
    principal_id: str | None = None
    principal_name: str | None = None
    requested_at: Timestamp
    dispatched_at: Timestamp | None = None
    attempts: int
    next_attempt_at: Timestamp | None = None
    last_error: str | None = None
    url: str | None = None


ErrorMessage = Annotated[str, StringConstraints(max_length=2000), STORABLE]
"""Why a build failed."""

URL_PATTERN = r"^https?://"

BuildUrl = Annotated[str, StringConstraints(max_length=2000, pattern=URL_PATTERN), STORABLE]
"""Where a build can be watched."""


class ReportRun(Request):
    """Tell how far a run is."""

    run_id: Uuid
    status: Report
    error_message: ErrorMessage | None = None
    build_ref: Name | None = None
    url: BuildUrl | None = None


class ReportedRun(Record):
    """The run as it now is."""

    run: BuildRun


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A run whose receiver is to hear of it: the payload, how often it was tried, and the lease
    under which this process has it."""

    run_id: str
    payload: Mapping[str, Any]
    attempts: int
    lease: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """How sending it to the receiver ended: `error` is None when it took it, `retry_in` the seconds
    until the next attempt, None when there is none."""

    error: str | None = None
    retry_in: float | None = None


class RunOperations(Protocol):
    """What a store does with the runs that it starts."""

    async def report_run(self, caller: Caller, request: ReportRun, /) -> ReportedRun:
        """Take a run further as it reports, with its build, its ticket and their history.

        What is late or repeated changes nothing, unless the run was only taken to have failed.
        Raises NotFound.
        """
        ...

    async def end_overdue_runs(self, hours: int, /) -> None:
        """Mark as failed the runs that were dispatched and have not been heard of for so long,
        with their builds, their tickets and their history."""
        ...

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


def is_under_way(status: str) -> bool:
    """Tell whether a run in this state makes another triggering a repetition."""
    return status in UNDER_WAY


def is_news(status: str, report: str, given_up: GivenUp | None) -> bool:
    """Tell whether a report takes a run further.

    Late ones and repeated ones do not, and a final state stays final. A run that was given up as
    overdue knows better; one that was replaced stays so.
    """
    if given_up is not None:
        return given_up == "overdue"
    return status not in _FINAL and _ORDER.index(report) > _ORDER.index(status)


def run_secret(key: str, run_id: str) -> str:
    """Return the secret that proves reports of this run alone, derived from the server's key."""
    code = hmac.new(key.encode(), f"report {run_id}".encode(), hashlib.sha256).digest()
    return "mhr_" + urlsafe_b64encode(code).decode().rstrip("=")
