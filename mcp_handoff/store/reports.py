"""What runs report of themselves, and what becomes of those that don't."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mcp_handoff.actors import Caller, system
from mcp_handoff.builds import STATUS_BY_REPORT
from mcp_handoff.events import EventKind
from mcp_handoff.masking import mask
from mcp_handoff.runs import BuildRun, Report, ReportedRun, ReportRun, is_news
from mcp_handoff.schema import timestamp
from mcp_handoff.store import outbox, runs
from mcp_handoff.store.transaction import Transaction

OVERDUE_BATCH = 100
"""The most runs that one transaction gives up."""

_DEADLINE = system("deadline")
_OVERDUE = "status IN ('dispatched', 'running') AND changed_at <= :since"
_KINDS: Mapping[Report, EventKind] = {
    "running": "build.running",
    "succeeded": "build.succeeded",
    "failed": "build.failed",
}


def report_run(tx: Transaction, caller: Caller, request: ReportRun) -> ReportedRun:
    """Take a run further, its build and its ticket with it; what is late or repeated changes
    nothing. Raises NotFound."""
    run = runs.require_locked(tx, request.run_id)
    if not is_news(run["status"], request.status, run["given_up"]):
        alive = "UPDATE build_runs SET changed_at = :now WHERE id = :id"
        tx.execute(alive, id=run["id"], now=timestamp(tx.now))
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


def is_report_overdue(tx: Transaction, hours: int) -> bool:
    """Tell whether a run that was dispatched has not been heard of for so long."""
    overdue = f"SELECT 1 FROM build_runs WHERE {_OVERDUE} ORDER BY changed_at LIMIT 1"
    return tx.fetch_one(overdue, since=_hours_ago(tx, hours)) is not None


def end_overdue_runs(tx: Transaction, hours: int) -> None:
    """Mark such runs as failed, their builds and their tickets with them: OVERDUE_BATCH at most,
    and first those that have been silent for longest."""
    since = _hours_ago(tx, hours)
    overdue = tx.fetch_all(
        f"SELECT id FROM build_runs WHERE {_OVERDUE} ORDER BY changed_at LIMIT {OVERDUE_BATCH}",
        since=since,
    )
    for row in overdue:
        run = runs.require_locked(tx, row["id"])
        if run["status"] in ("dispatched", "running") and run["changed_at"] <= since:
            runs.give_up(tx, _DEADLINE, run, "overdue", f"No report in {hours} h.")


def _hours_ago(tx: Transaction, hours: int) -> str:
    return timestamp(tx.now - timedelta(hours=hours))
