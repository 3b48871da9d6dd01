"""Build runs: one triggering of a bot build each, how it is dispatched and what it reports.

Dispatches follow Standard Webhooks (https://www.standardwebhooks.com).
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Annotated, Literal, Protocol

from pydantic import StringConstraints

from mcp_handoff.actors import Caller
from mcp_handoff.schema import STORABLE, Name, Record, Request, Timestamp, Uuid

RunStatus = Literal["queued", "dispatched", "dispatch_failed", "running", "succeeded", "failed"]
Report = Literal["running", "succeeded", "failed"]

GivenUp = Literal["overdue", "replaced"]
"""Why a run is taken to have failed that did not say so itself."""

UNDER_WAY: frozenset[str] = frozenset({"queued", "dispatched", "running"})

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
