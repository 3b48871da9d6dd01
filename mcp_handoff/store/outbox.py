"""The outbox: what is still to be sent, and who has leased which."""

import json
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from mcp_handoff.dispatches import LEASE_SECONDS, Attempt, Destination, Dispatch
from mcp_handoff.ids import new_id
from mcp_handoff.runs import BuildRun
from mcp_handoff.schema import Timestamp, timestamp
from mcp_handoff.store import runs, webhooks
from mcp_handoff.store.transaction import Transaction, insert, placeholders

_SENT_OF_RUN = {"build_id", "provider", "repo"}
_FREE = "(leased_until IS NULL OR leased_until <= :now)"
_OURS = (
    "NOT EXISTS (SELECT 1 FROM receiver WHERE id = 1 AND url_digest || secret_digest <> :receiver)"
)
"""The store's receiver is no other than the sender's."""

_NEXT_RUN = (
    "SELECT id FROM (SELECT coalesce("
    f"(SELECT id FROM outbox WHERE webhook_id IS NULL AND attempts = 0 AND {_FREE}"
    " ORDER BY next_attempt_at DESC LIMIT 1),"
    " (SELECT id FROM outbox WHERE webhook_id IS NULL AND attempts > 0"
    f" AND next_attempt_at <= :now AND {_FREE} ORDER BY next_attempt_at LIMIT 1)) AS id) AS run"
    f" WHERE id IS NOT NULL AND {_OURS}"
)
"""The run that is sent next, if one is due that nobody else has (docs/decisions/dispatches.md)."""

_NEXT_MESSAGE = (
    "SELECT id FROM (SELECT (SELECT o.id FROM outbox o WHERE o.webhook_id = w.id"
    f" AND o.next_attempt_at <= :now AND {_FREE} AND NOT EXISTS (SELECT 1 FROM outbox e"
    " WHERE e.webhook_id = w.id AND e.ticket_id = o.ticket_id AND e.event_seq < o.event_seq)"
    " ORDER BY o.event_seq LIMIT 1) AS id FROM webhooks w WHERE {told}) AS message"
    " WHERE id IS NOT NULL LIMIT 1"
)
"""The message that is sent next: of one ticket's, the first alone."""


def add_dispatch(tx: Transaction, run: BuildRun, payload: Mapping[str, Any]) -> None:
    """Queue the dispatch of a run, which is due at once."""
    sent = {**payload, **run.model_dump(include=_SENT_OF_RUN), "run_id": run.id}
    row = {"id": run.id, "payload": json.dumps(sent), "next_attempt_at": run.requested_at}
    insert(tx, "outbox", row)


def count_dispatches(tx: Transaction) -> int:
    """Return how much waits to be sent."""
    row = tx.fetch_one("SELECT count(*) AS waiting FROM outbox")
    assert row is not None, "a count is always one row"
    return row["waiting"]


def is_dispatch_due(
    tx: Transaction, receiver: str | None, busy: Collection[Destination] = ()
) -> bool:
    """Tell whether something is due that nobody else has: a run for this receiver of builds, or a
    message, to whoever is not busy."""
    return _next(tx, receiver, busy) is not None


def lease_dispatch(
    tx: Transaction, receiver: str | None, busy: Collection[Destination] = ()
) -> Dispatch | None:
    """Lease what is to be sent next, None when nothing is due that nobody else has."""
    lease, until = new_id(), timestamp(tx.now + timedelta(seconds=LEASE_SECONDS))
    while next_id := _next(tx, receiver, busy):
        leased = tx.fetch_one(
            "UPDATE outbox SET lease = :lease, leased_until = :until"
            f" WHERE id = :id AND {_FREE} RETURNING id, webhook_id, payload, attempts",
            id=next_id,
            lease=lease,
            now=timestamp(tx.now),
            until=until,
        )
        if leased:  # else another was faster
            webhook = leased["webhook_id"]
            target = webhooks.target_of(tx, webhook) if webhook else None
            payload = json.loads(leased["payload"])
            return Dispatch(leased["id"], payload, leased["attempts"], lease, target)
    return None


def _next(tx: Transaction, receiver: str | None, busy: Collection[Destination]) -> str | None:
    """Return the id of what is sent next."""
    now = timestamp(tx.now)
    if None not in busy and (run := tx.fetch_one(_NEXT_RUN, now=now, receiver=receiver)):
        return run["id"]
    parameters, ids = placeholders("busy", [one for one in busy if one is not None])
    told = f"w.id NOT IN ({parameters})" if ids else "1 = 1"
    message = tx.fetch_one(_NEXT_MESSAGE.replace("{told}", told), now=now, **ids)
    return message["id"] if message else None


def settle_dispatch(tx: Transaction, dispatch: Dispatch, attempt: Attempt) -> None:
    """Write down how an attempt ended; nothing, when the lease went to someone else meanwhile, or
    what it was for is gone."""
    next_attempt_at = None
    if attempt.retry_in is not None:
        next_attempt_at = timestamp(tx.now + timedelta(seconds=attempt.retry_in))
    if dispatch.target is None:
        run = runs.find_locked(tx, dispatch.id)
        if run and _settle(tx, dispatch, next_attempt_at):
            runs.note_attempt(tx, run, attempt, next_attempt_at)
        return
    webhook = webhooks.find_locked(tx, dispatch.target.webhook_id)
    if webhook and _settle(tx, dispatch, next_attempt_at):
        webhooks.note_attempt(tx, webhook, dispatch, attempt)


def _settle(tx: Transaction, dispatch: Dispatch, next_attempt_at: Timestamp | None) -> bool:
    """Put off what was leased, or delete it where there is no next attempt; tell whether the lease
    was still ours."""
    own = {"id": dispatch.id, "lease": dispatch.lease}
    if next_attempt_at is None:
        ended = "DELETE FROM outbox WHERE id = :id AND lease = :lease RETURNING id"
        return tx.fetch_one(ended, **own) is not None
    put_off = tx.fetch_one(
        "UPDATE outbox SET lease = NULL, leased_until = NULL, next_attempt_at = :next,"
        " attempts = :attempts WHERE id = :id AND lease = :lease RETURNING id",
        next=next_attempt_at,
        attempts=dispatch.attempts + 1,
        **own,
    )
    return put_off is not None


def release_dispatch(tx: Transaction, dispatch: Dispatch) -> None:
    """Give back a lease that is not used after all."""
    tx.execute(
        "UPDATE outbox SET lease = NULL, leased_until = NULL WHERE id = :id AND lease = :lease",
        id=dispatch.id,
        lease=dispatch.lease,
    )


def remove_dispatch(tx: Transaction, run_id: str) -> None:
    """Take a run out of the outbox, whoever has leased it."""
    tx.execute("DELETE FROM outbox WHERE id = :id", id=run_id)
