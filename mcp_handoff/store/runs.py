"""Build runs, as their builds, their tickets and their history show them."""

from collections.abc import Sequence
from typing import Any

from mcp_handoff.actors import Caller, system
from mcp_handoff.dispatches import Attempt
from mcp_handoff.errors import NotFound
from mcp_handoff.events import EventKind
from mcp_handoff.runs import BuildRun, GivenUp
from mcp_handoff.schema import Timestamp, timestamp
from mcp_handoff.store import history
from mcp_handoff.store.transaction import Row, Transaction, decode_json, encode_json, placeholders

_DISPATCHER = system("dispatch")
_CHANGING = {
    "id",
    "status",
    "attempts",
    "last_error",
    "next_attempt_at",
    "dispatched_at",
    "url",
}


def of_builds(tx: Transaction, build_ids: Sequence[str]) -> dict[str, BuildRun]:
    """Return the runs of builds, by the builds' ids."""
    if not build_ids:
        return {}
    parameters, ids = placeholders("build", build_ids)
    rows = tx.fetch_all(f"SELECT * FROM build_runs WHERE build_id IN ({parameters})", **ids)
    return {row["build_id"]: BuildRun.model_validate(row) for row in rows}


def latest_of(tx: Transaction, ticket_id: str) -> tuple[Row | None, bool]:
    """Return a ticket's newest run, None without one; and whether there is a receiver to tell."""
    row = tx.fetch_one(
        "SELECT r.*, EXISTS (SELECT 1 FROM receiver) AS has_receiver"
        " FROM (SELECT 1) AS one LEFT JOIN build_runs r ON r.ticket_id = :id"
        " ORDER BY r.seq DESC LIMIT 1",
        id=ticket_id,
    )
    assert row is not None, "there is one row without a run, too"
    return (row if row["id"] else None), bool(row["has_receiver"])


def require_locked(tx: Transaction, run_id: str) -> Row:
    """Return a run as `find_locked` does. Raises NotFound."""
    run = find_locked(tx, run_id)
    if run is None:
        raise NotFound.at("run_id", "names no run", "report under the run_id that was dispatched")
    return run


def find_locked(tx: Transaction, run_id: str) -> Row | None:
    """Return a run with what its ticket shows, None where there is none; nobody else changes either
    until the transaction ends."""
    return tx.fetch_one_locked(
        "SELECT r.*, t.ai_output, t.number, t.project_id, p.slug FROM build_runs r"
        " JOIN tickets t ON t.id = r.ticket_id JOIN projects p ON p.id = t.project_id"
        " WHERE r.id = :id",
        "r",
        "t",
        id=run_id,
    )


def change_run(tx: Transaction, run: Row, changes: Row) -> BuildRun:
    """Change a run, on its ticket too unless that shows a newer one, and return it.

    Why it is given up is kept for no longer than that state lasts.
    """
    changed = BuildRun.model_validate({**run, **changes})
    tx.execute(
        "UPDATE build_runs SET status = :status, attempts = :attempts, last_error = :last_error,"
        " next_attempt_at = :next_attempt_at, dispatched_at = :dispatched_at, url = :url,"
        " changed_at = :changed_at, given_up = :given_up WHERE id = :id",
        changed_at=timestamp(tx.now),
        given_up=changes.get("given_up"),
        **changed.model_dump(include=_CHANGING),
    )
    if decode_json(run["ai_output"])["build_run"]["id"] == changed.id:
        show_on_ticket(tx, run["ticket_id"], run["ai_output"], changed)
    return changed


def show_on_ticket(tx: Transaction, ticket_id: str, ai_output: str | None, run: BuildRun) -> Row:
    """Show a run in its ticket's `ai_output.build_run`, beside what else is in there; return the
    columns that this changed."""
    shown: dict[str, Any] = decode_json(ai_output) or {}
    columns = {
        "ai_output": encode_json({**shown, "build_run": run.model_dump()}),
        "updated_at": timestamp(tx.now),
    }
    tx.execute(
        "UPDATE tickets SET ai_output = :ai_output, updated_at = :updated_at WHERE id = :id",
        **columns,
        id=ticket_id,
    )
    return columns


def change_build(tx: Transaction, build_id: str, changes: Row) -> None:
    """Change how far a build is, and what goes with that."""
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    tx.execute(
        f"UPDATE builds SET {assignments}, updated_at = :now WHERE id = :id",
        id=build_id,
        now=timestamp(tx.now),
        **changes,
    )


def give_up(tx: Transaction, caller: Caller, run: Row, given_up: GivenUp, why: str) -> None:
    """Take a run to have failed, its build with it, though it never said so."""
    changed = change_run(tx, run, {"status": "failed", "last_error": why, "given_up": given_up})
    change_build(tx, run["build_id"], {"status": "failed", "error_message": why})
    add_event(tx, caller, "build.failed", run, changed)


def note_attempt(
    tx: Transaction, run: Row, attempt: Attempt, next_attempt_at: Timestamp | None
) -> None:
    """Note how dispatching a run ended, and when it is tried again, None for never."""
    tried = {
        "attempts": run["attempts"] + 1,
        "last_error": attempt.error,
        "next_attempt_at": next_attempt_at,
    }
    if attempt.error is None:
        taken = {**tried, "status": "dispatched", "dispatched_at": timestamp(tx.now)}
        add_event(tx, _DISPATCHER, "build.dispatched", run, change_run(tx, run, taken))
    elif next_attempt_at is None:
        change_build(tx, run["build_id"], {"status": "failed", "error_message": attempt.error})
        given_up = change_run(tx, run, {**tried, "status": "dispatch_failed"})
        add_event(tx, _DISPATCHER, "build.dispatch_failed", run, given_up)
    else:
        change_run(tx, run, tried)


def add_event(
    tx: Transaction, caller: Caller, kind: EventKind, run: Row, changed: BuildRun
) -> None:
    """Write down who took a run from what it was to what it is."""
    history.add_event(
        tx,
        caller,
        kind,
        subject_id=changed.id,
        project_id=run["project_id"],
        ticket_id=run["ticket_id"],
        before={"status": run["status"]},
        after={"status": changed.status, "attempts": changed.attempts},
    )
