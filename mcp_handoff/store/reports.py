"""What is reported of builds and their runs, and what becomes of runs that report nothing."""

from datetime import timedelta
from typing import Any

from mcp_handoff.actors import Caller, system
from mcp_handoff.builds import (
    EVENT_BY_REPORT,
    STATUS_BY_REPORT,
    ReportBuild,
    ReportedBuild,
    is_further,
)
from mcp_handoff.errors import NotFound
from mcp_handoff.runs import BuildRun, ReportedRun, ReportRun, is_news
from mcp_handoff.schema import timestamp
from mcp_handoff.store import builds, idempotency, outbox, runs
from mcp_handoff.store.lookup import FoundTicket, look_up_ticket
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.text.characters import shortened
from mcp_handoff.text.masking import mask, masked_fields

OVERDUE_BATCH = 100
"""The most runs that one transaction gives up."""

_DEADLINE = system("deadline")
_OVERDUE = "status IN ('dispatched', 'running') AND changed_at <= :since"


def report_run(tx: Transaction, caller: Caller, request: ReportRun) -> ReportedRun:
    """Take a run further, its build and its ticket with it; what is late or repeated changes
    nothing. Raises NotFound."""
    run = runs.require_locked(tx, request.run_id)
    changed = _take_run_further(tx, caller, run, request)
    return ReportedRun(run=changed or BuildRun.model_validate(run))


def _of_build(report: ReportRun | ReportBuild) -> dict[str, Any]:
    """Return what a report makes of the columns of its build."""
    columns: dict[str, Any] = {"status": STATUS_BY_REPORT[report.status], "error_message": None}
    if report.status == "failed":
        columns["error_message"] = mask(report.error_message or "The build failed.")
    if report.build_ref:
        columns["build_ref"] = report.build_ref
    if report.url:
        columns["url"] = mask(report.url)
    return columns


def _take_run_further(
    tx: Transaction, caller: Caller, run: Row, report: ReportRun | ReportBuild
) -> BuildRun | None:
    """Change a run, its build and its ticket as a report says; return the run, None when that is
    no news."""
    if not is_news(run["status"], report.status, run["given_up"]):
        alive = "UPDATE build_runs SET changed_at = :now WHERE id = :id"
        tx.execute(alive, id=run["id"], now=timestamp(tx.now))
        return None
    # A report proves that the receiver took the run, even if it never said so.
    outbox.remove_dispatch(tx, run["id"])
    of_build = _of_build(report)
    of_run = {
        "status": report.status,
        "attempts": max(run["attempts"], 1),
        "dispatched_at": run["dispatched_at"] or timestamp(tx.now),
        "next_attempt_at": None,
        "last_error": None,
        "url": of_build.get("url", run["url"]),
    }
    changed = runs.change_run(tx, run, of_run)
    runs.change_build(tx, run["build_id"], of_build)
    runs.add_event(tx, caller, EVENT_BY_REPORT[report.status], run, changed)
    return changed


def _require_sight(tx: Transaction, caller: Caller, request: ReportBuild) -> None:
    """Raise NotFound for a build or a ticket that the caller does not see."""
    if request.build_id:
        builds.require(tx, caller, request.build_id, request.org)
    else:
        _look_up_ticket(tx, caller, request)


@idempotency.once(ReportedBuild, access=_require_sight)
def report_build(tx: Transaction, caller: Caller, request: ReportBuild) -> ReportedBuild:
    """Take a build further, with its run and its ticket where it has one; what is late or repeated
    changes nothing. One that a ticket has not is registered for it. Raises NotFound."""
    if request.build_id:
        build, registered = builds.require(tx, caller, request.build_id, request.org), False
    else:
        build, registered = _find_or_register(tx, caller, request)
    changed = registered or _take_further(tx, caller, build, request)
    _, masked = masked_fields(request.model_dump(include={"error_message", "url"}))
    told = {
        "registered": registered,
        "already": not changed,
        "masked": masked if changed else None,
    }
    now = builds.read(tx, build["id"])
    return ReportedBuild.model_validate({**now.model_dump(), **told})


def _look_up_ticket(
    tx: Transaction, caller: Caller, request: ReportBuild, *, locked: bool = False
) -> FoundTicket:
    """Return the ticket that a build is for; NotFound when the caller sees none there, or when it
    is of another organization."""
    assert request.ticket is not None, "a build is named by its id or by its ticket"
    found = look_up_ticket(tx, caller, request.ticket, request.project, locked=locked)
    if found.project["organization_id"] != builds.organization_id(tx, caller, request.org):
        raise NotFound.at("ticket", "is of another organization", "leave org out")
    return found


def _find_or_register(tx: Transaction, caller: Caller, request: ReportBuild) -> tuple[Row, bool]:
    """Return a ticket's newest build of this provider and reference, and whether it was registered
    just now. The ticket is locked: two who report the same build register one."""
    found = _look_up_ticket(tx, caller, request, locked=True)
    named = {"provider": request.provider, "build_ref": request.build_ref}
    known = tx.fetch_one(
        "SELECT b.*, r.id AS run_id FROM builds b LEFT JOIN build_runs r ON r.build_id = b.id"
        " WHERE b.source_id = :ticket AND b.source_type = 'ticket' AND b.provider = :provider"
        " AND b.build_ref = :build_ref ORDER BY b.seq DESC LIMIT 1",
        ticket=found.ticket["id"],
        **named,
    )
    if known:
        return known, False
    columns = {
        **named,
        **_of_build(request),
        "organization_id": found.project["organization_id"],
        "display_name": shortened(f"{found.reference} {request.provider}", 200),
        "source_type": "ticket",
        "source_id": found.ticket["id"],
    }
    return builds.register(tx, caller, columns, found), True


def _take_further(tx: Transaction, caller: Caller, build: Row, request: ReportBuild) -> bool:
    """Change a build as a report says, with the run that makes it if there is one; return whether
    that was news."""
    if build["run_id"]:
        # The run is locked before its build, as by whoever reports on the run.
        run = runs.require_locked(tx, build["run_id"])
        return _take_run_further(tx, caller, run, request) is not None
    build = builds.require(tx, caller, build["id"], request.org, locked=True)
    columns = _of_build(request)
    if not is_further(build["status"], columns["status"]):
        return False
    runs.change_build(tx, build["id"], columns)
    before, after = {"status": build["status"]}, {"status": columns["status"]}
    kind = EVENT_BY_REPORT[request.status]
    builds.add_event(tx, caller, kind, build, before=before, after=after)
    return True


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
