"""Build runs: dispatched to their receiver, and reported on by it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from mcp_handoff.actors import Actor
from mcp_handoff.builds import STATUS_BY_REPORT
from mcp_handoff.errors import NotFound
from mcp_handoff.events import EventKind
from mcp_handoff.ids import new_id
from mcp_handoff.masking import mask
from mcp_handoff.runs import (
    LEASE_SECONDS,
    Attempt,
    BuildRun,
    Dispatch,
    Report,
    ReportedRun,
    ReportRun,
    is_news,
)
from mcp_handoff.store import history
from mcp_handoff.store.transaction import Row, Transaction, insert, placed, timestamp

_SENDER = Actor(role="bot", source="system", id="dispatch")
_RECEIVER = Actor(role="bot", source="report")
_KINDS: Mapping[Report, EventKind] = {
    "running": "build.running",
    "succeeded": "build.succeeded",
    "failed": "build.failed",
}
_TOLD = {"build_id", "provider", "repo"}
_CHANGING = (
    "id",
    "status",
    "attempts",
    "last_error",
    "next_attempt_at",
    "dispatched_at",
    "url",
)
_FREE = "(leased_until IS NULL OR leased_until <= :now)"


def queue_dispatch(tx: Transaction, run: BuildRun, payload: dict[str, Any]) -> None:
    """Have a run's receiver told, as soon as someone comes round to it."""
    row = {
        "run_id": run.id,
        "payload": json.dumps({**payload, **run.model_dump(include=_TOLD), "run_id": run.id}),
        "next_attempt_at": run.requested_at,
    }
    insert(tx, "outbox", row)


def count_dispatches(tx: Transaction) -> int:
    """Return how many runs wait to be dispatched."""
    row = tx.one("SELECT count(*) AS waiting FROM outbox")
    assert row is not None, "a count is always one row"
    return row["waiting"]


def take_dispatch(tx: Transaction) -> Dispatch | None:
    """Lease what has been due for longest and nobody else has; None when nothing is due."""
    due = f"SELECT * FROM outbox WHERE next_attempt_at <= :now AND {_FREE}"
    while row := tx.one(f"{due} ORDER BY next_attempt_at LIMIT 1", now=timestamp(tx.now)):
        lease = new_id()
        if _lease(tx, row["run_id"], lease):
            run = _run(tx, row["run_id"])
            return Dispatch(run["id"], json.loads(row["payload"]), run["attempts"], lease)
    return None


def settle_dispatch(tx: Transaction, dispatch: Dispatch, attempt: Attempt) -> None:
    """Write down how an attempt ended; nothing, when the lease went to someone else meanwhile."""
    run = _held(tx, dispatch.run_id)
    if not _has_lease(tx, dispatch):
        return
    tried = {"attempts": dispatch.attempts + 1, "last_error": attempt.error}
    if attempt.retry_in is not None:
        _put_off(tx, run, tried, tx.now + timedelta(seconds=attempt.retry_in))
        return
    _forget(tx, run["id"])
    ended: Row = {"status": "dispatched", "dispatched_at": timestamp(tx.now)}
    kind: EventKind = "build.dispatched"
    if attempt.error is not None:
        ended, kind = {"status": "dispatch_failed"}, "build.dispatch_failed"
        _change_build(tx, run, {"status": "failed", "error_message": attempt.error})
    _remember(tx, _SENDER, kind, run, _change(tx, run, {**tried, "next_attempt_at": None, **ended}))


def release_dispatch(tx: Transaction, dispatch: Dispatch) -> None:
    """Give back a lease that is not used after all."""
    tx.run(
        "UPDATE outbox SET lease = NULL, leased_until = NULL WHERE run_id = :id AND lease = :lease",
        id=dispatch.run_id,
        lease=dispatch.lease,
    )


def report_run(tx: Transaction, request: ReportRun) -> ReportedRun:
    """Take a run further, its build and its ticket with it; what is late or repeated changes
    nothing. Raises NotFound."""
    run = _held(tx, request.run_id)
    if not is_news(run["status"], request.status):
        return ReportedRun(run=BuildRun.model_validate(run))
    _forget(tx, run["id"])
    changed = _change(tx, run, {**_delivered(tx, run), **_told_of_run(request)})
    _change_build(tx, run, _told_of_build(request))
    _remember(tx, _RECEIVER, _KINDS[request.status], run, changed)
    return ReportedRun(run=BuildRun.model_validate(changed))


def of_builds(tx: Transaction, build_ids: Sequence[str]) -> dict[str, BuildRun]:
    """Return the runs of builds, by the builds' ids."""
    if not build_ids:
        return {}
    places, ids = placed("build", build_ids)
    rows = tx.all(f"SELECT * FROM build_runs WHERE build_id IN ({places})", **ids)
    return {row["build_id"]: BuildRun.model_validate(row) for row in rows}


def latest_of(tx: Transaction, ticket_id: str) -> Row | None:
    """Return a ticket's newest run, None without one."""
    return tx.one(
        "SELECT * FROM build_runs WHERE ticket_id = :id ORDER BY seq DESC LIMIT 1", id=ticket_id
    )


def write_ai_output(tx: Transaction, ticket_id: str, run: BuildRun) -> None:
    """Show a run in its ticket's `ai_output.build_run`, beside what else is in there."""
    row = tx.one("SELECT ai_output FROM tickets WHERE id = :id", id=ticket_id)
    assert row is not None, "a run belongs to a ticket"
    output: dict[str, Any] = json.loads(row["ai_output"] or "{}")
    tx.run(
        "UPDATE tickets SET ai_output = :output, updated_at = :now WHERE id = :id",
        output=json.dumps({**output, "build_run": run.model_dump()}, ensure_ascii=False),
        now=timestamp(tx.now),
        id=ticket_id,
    )


def _lease(tx: Transaction, run_id: str, lease: str) -> Row | None:
    """Return the row when the lease could be had, None when another was faster."""
    return tx.one(
        "UPDATE outbox SET lease = :lease, leased_until = :until"
        f" WHERE run_id = :id AND next_attempt_at <= :now AND {_FREE} RETURNING run_id",
        id=run_id,
        lease=lease,
        now=timestamp(tx.now),
        until=timestamp(tx.now + timedelta(seconds=LEASE_SECONDS)),
    )


def _run(tx: Transaction, run_id: str) -> Row:
    row = tx.one("SELECT * FROM build_runs WHERE id = :id", id=run_id)
    if row is None:
        raise NotFound.at("run_id", "names no run", "report under the run_id that was dispatched")
    return row


def _held(tx: Transaction, run_id: str) -> Row:
    """Return a run as it is while nobody else can change it."""
    tx.hold("tickets", _run(tx, run_id)["ticket_id"])
    return _run(tx, run_id)


def _is_latest(tx: Transaction, run: Row) -> bool:
    latest = latest_of(tx, run["ticket_id"])
    return latest is not None and latest["id"] == run["id"]


def _has_lease(tx: Transaction, dispatch: Dispatch) -> bool:
    row = tx.one("SELECT lease FROM outbox WHERE run_id = :id", id=dispatch.run_id)
    return row is not None and row["lease"] == dispatch.lease


def _put_off(tx: Transaction, run: Row, tried: Row, until: datetime) -> None:
    tx.run(
        "UPDATE outbox SET lease = NULL, leased_until = NULL, next_attempt_at = :until"
        " WHERE run_id = :id",
        id=run["id"],
        until=timestamp(until),
    )
    _change(tx, run, {**tried, "next_attempt_at": timestamp(until)})


def _forget(tx: Transaction, run_id: str) -> None:
    tx.run("DELETE FROM outbox WHERE run_id = :id", id=run_id)


def _change(tx: Transaction, run: Row, changes: Row) -> Row:
    """Change a run, on its ticket too, and return it."""
    changed = {**run, **changes}
    tx.run(
        "UPDATE build_runs SET status = :status, attempts = :attempts, last_error = :last_error,"
        " next_attempt_at = :next_attempt_at, dispatched_at = :dispatched_at, url = :url"
        " WHERE id = :id",
        **{name: changed[name] for name in _CHANGING},
    )
    if _is_latest(tx, run):
        write_ai_output(tx, run["ticket_id"], BuildRun.model_validate(changed))
    return changed


def _change_build(tx: Transaction, run: Row, changes: Row) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    tx.run(
        f"UPDATE builds SET {assignments}, updated_at = :now WHERE id = :id",
        id=run["build_id"],
        now=timestamp(tx.now),
        **changes,
    )


def _delivered(tx: Transaction, run: Row) -> Row:
    """Return what a report proves: its receiver was told, even if it never said so."""
    return {
        "attempts": max(run["attempts"], 1),
        "dispatched_at": run["dispatched_at"] or timestamp(tx.now),
        "next_attempt_at": None,
        "last_error": None,
    }


def _told_of_run(request: ReportRun) -> Row:
    told = {"status": request.status}
    return {**told, "url": mask(request.url)} if request.url else told


def _told_of_build(request: ReportRun) -> Row:
    why = mask(request.error_message or "The build failed.")
    told = {
        "status": STATUS_BY_REPORT[request.status],
        "error_message": why if request.status == "failed" else None,
    }
    return {**told, "build_ref": mask(request.build_ref)} if request.build_ref else told


def _remember(tx: Transaction, actor: Actor, kind: EventKind, before: Row, after: Row) -> None:
    history.record(
        tx,
        actor,
        kind,
        subject_id=before["id"],
        ticket_id=before["ticket_id"],
        build_id=before["build_id"],
        before={"status": before["status"]},
        after={"status": after["status"], "attempts": after["attempts"]},
    )
