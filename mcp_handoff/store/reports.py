"""What runs report of themselves."""

from collections.abc import Mapping
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.builds import STATUS_BY_REPORT
from mcp_handoff.events import EventKind
from mcp_handoff.masking import mask
from mcp_handoff.runs import BuildRun, Report, ReportedRun, ReportRun, is_news
from mcp_handoff.store import outbox, runs
from mcp_handoff.store.transaction import Transaction, timestamp

_KINDS: Mapping[Report, EventKind] = {
    "running": "build.running",
    "succeeded": "build.succeeded",
    "failed": "build.failed",
}


def report_run(tx: Transaction, caller: Caller, request: ReportRun) -> ReportedRun:
    """Take a run further, its build and its ticket with it; what is late or repeated changes
    nothing. Raises NotFound."""
    run = runs.require_locked(tx, request.run_id)
    if not is_news(run["status"], request.status):
        return ReportedRun(run=BuildRun.model_validate(run))
    # A report proves that the receiver took the run, even if it never said so.
    outbox.remove_dispatch(tx, request.run_id)
    of_run: dict[str, Any] = {
        "status": request.status,
        "attempts": max(run["attempts"], 1),
        "dispatched_at": run["dispatched_at"] or timestamp(tx.now),
        "next_attempt_at": None,
        "last_error": None,
    }
    why = mask(request.error_message or "The build failed.")
    of_build = {
        "status": STATUS_BY_REPORT[request.status],
        "error_message": why if request.status == "failed" else None,
    }
    if request.url:
        of_run["url"] = mask(request.url)
    if request.build_ref:
        of_build["build_ref"] = request.build_ref
    changed = runs.change_run(tx, run, of_run)
    runs.change_build(tx, run, of_build)
    runs.add_event(tx, caller, _KINDS[request.status], run, changed)
    return ReportedRun(run=changed)
