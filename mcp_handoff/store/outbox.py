"""The outbox: the runs that are still to be dispatched, and who has leased which."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mcp_handoff.actors import system
from mcp_handoff.dispatches import LEASE_SECONDS, Attempt, Dispatch
from mcp_handoff.ids import new_id
from mcp_handoff.runs import BuildRun
from mcp_handoff.schema import timestamp
from mcp_handoff.store import runs
from mcp_handoff.store.transaction import Transaction, insert

_SENDER = system("dispatch")
_SENT_OF_RUN = {"build_id", "provider", "repo"}
_FREE = "(leased_until IS NULL OR leased_until <= :now)"
_OURS = (
    "NOT EXISTS (SELECT 1 FROM receiver WHERE id = 1 AND url_digest || secret_digest <> :receiver)"
)
"""The store's receiver is no other than the sender's."""
_NEXT = (
    f"coalesce((SELECT run_id FROM outbox WHERE attempts = 0 AND {_FREE}"
    " ORDER BY next_attempt_at DESC LIMIT 1),"
    f" (SELECT run_id FROM outbox WHERE attempts > 0 AND next_attempt_at <= :now AND {_FREE}"
    " ORDER BY next_attempt_at LIMIT 1))"
)
"""What is sent next, if anything is due that nobody else has (docs/decisions/dispatches.md)."""


def add_dispatch(tx: Transaction, run: BuildRun, payload: Mapping[str, Any]) -> None:
    """Queue the dispatch of a run, which is due at once."""
    sent = {**payload, **run.model_dump(include=_SENT_OF_RUN), "run_id": run.id}
    row = {
        "run_id": run.id,
        "payload": json.dumps(sent),
        "next_attempt_at": run.requested_at,
    }
    insert(tx, "outbox", row)


def count_dispatches(tx: Transaction) -> int:
    """Return how many runs wait to be dispatched."""
    row = tx.fetch_one("SELECT count(*) AS waiting FROM outbox")
    assert row is not None, "a count is always one row"
    return row["waiting"]


def is_dispatch_due(tx: Transaction, receiver: str | None) -> bool:
    """Tell whether something is due that nobody else has, and that is for this receiver."""
    due = f"SELECT 1 FROM outbox WHERE run_id = {_NEXT} AND {_OURS}"
    return tx.fetch_one(due, now=timestamp(tx.now), receiver=receiver) is not None


def lease_dispatch(tx: Transaction, receiver: str | None) -> Dispatch | None:
    """Lease what is to be sent to this receiver next: of the runs that were never tried the newest,
    else what has been due for longest; None when nothing is due that nobody else has."""
    lease, until = new_id(), timestamp(tx.now + timedelta(seconds=LEASE_SECONDS))
    while True:
        leased = tx.fetch_one(
            "UPDATE outbox SET lease = :lease, leased_until = :until"
            f" WHERE run_id = {_NEXT} AND {_FREE} AND {_OURS} RETURNING run_id, payload, attempts",
            lease=lease,
            now=timestamp(tx.now),
            until=until,
            receiver=receiver,
        )
        if leased:
            run_id, payload = leased["run_id"], json.loads(leased["payload"])
            return Dispatch(run_id, payload, leased["attempts"], lease)
        if not is_dispatch_due(tx, receiver):
            return None  # else another was faster


def settle_dispatch(tx: Transaction, dispatch: Dispatch, attempt: Attempt) -> None:
    """Write down how an attempt ended; nothing, when the lease went to someone else meanwhile."""
    run = runs.require_locked(tx, dispatch.id)
    own = {"id": dispatch.id, "lease": dispatch.lease}
    tried = {"attempts": dispatch.attempts + 1, "last_error": attempt.error}
    if attempt.retry_in is not None:
        next_attempt_at = timestamp(tx.now + timedelta(seconds=attempt.retry_in))
        put_off = tx.fetch_one(
            "UPDATE outbox SET lease = NULL, leased_until = NULL, next_attempt_at = :next,"
            " attempts = :attempts WHERE run_id = :id AND lease = :lease RETURNING run_id",
            next=next_attempt_at,
            attempts=tried["attempts"],
            **own,
        )
        if put_off:
            runs.change_run(tx, run, {**tried, "next_attempt_at": next_attempt_at})
        return
    ended = tx.fetch_one(
        "DELETE FROM outbox WHERE run_id = :id AND lease = :lease RETURNING run_id", **own
    )
    if not ended:
        return
    tried["next_attempt_at"] = None
    if attempt.error is None:
        dispatched = {**tried, "status": "dispatched", "dispatched_at": timestamp(tx.now)}
        runs.add_event(tx, _SENDER, "build.dispatched", run, runs.change_run(tx, run, dispatched))
    else:
        failed = {"status": "failed", "error_message": attempt.error}
        runs.change_build(tx, run["build_id"], failed)
        given_up = runs.change_run(tx, run, {**tried, "status": "dispatch_failed"})
        runs.add_event(tx, _SENDER, "build.dispatch_failed", run, given_up)


def release_dispatch(tx: Transaction, dispatch: Dispatch) -> None:
    """Give back a lease that is not used after all."""
    tx.execute(
        "UPDATE outbox SET lease = NULL, leased_until = NULL WHERE run_id = :id AND lease = :lease",
        id=dispatch.id,
        lease=dispatch.lease,
    )


def remove_dispatch(tx: Transaction, run_id: str) -> None:
    """Take a run out of the outbox, whoever has leased it."""
    tx.execute("DELETE FROM outbox WHERE run_id = :id", id=run_id)
