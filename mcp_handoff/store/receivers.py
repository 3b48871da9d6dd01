"""Who is told of triggered builds."""

from mcp_handoff.actors import Caller, system
from mcp_handoff.receivers import (
    NOBODY,
    GetReceiver,
    Receiver,
    SetReceiver,
    ShownReceiver,
    receiver_of,
)
from mcp_handoff.schema import timestamp
from mcp_handoff.store import history, runs
from mcp_handoff.store.transaction import Transaction

_START = system("start")
_COLUMNS = "origin, url_digest, secret_digest, set_at"


def get_receiver(tx: Transaction, caller: Caller, request: GetReceiver) -> ShownReceiver:
    """Return who is told."""
    return ShownReceiver(receiver=read_receiver(tx))


def set_receiver(tx: Transaction, caller: Caller, request: SetReceiver) -> ShownReceiver:
    """Have somebody else told from now on."""
    before = read_receiver(tx)
    tx.execute("DELETE FROM receiver")
    _insert(tx, caller, receiver_of(request.url, request.secret), before)
    return ShownReceiver(receiver=read_receiver(tx))


def claim_receiver(tx: Transaction, own: Receiver) -> Receiver:
    """Make `own` the receiver of a store that has none; return the store's."""
    return read_receiver(tx) or _insert(tx, _START, own, None)


def read_receiver(tx: Transaction) -> Receiver | None:
    """Return the store's receiver, None where it has none."""
    row = tx.fetch_one(f"SELECT {_COLUMNS} FROM receiver")
    return None if row is None else Receiver.model_validate(row)


def _insert(tx: Transaction, caller: Caller, new: Receiver, before: Receiver | None) -> Receiver:
    """Insert a receiver, for which the runs that had none now wait."""
    made = new.model_copy(update={"set_at": timestamp(tx.now)})
    tx.execute(
        f"INSERT INTO receiver (id, {_COLUMNS})"
        " VALUES (1, :origin, :url_digest, :secret_digest, :set_at)",
        **made.model_dump(),
    )
    history.add_event(
        tx,
        caller,
        "receiver.set",
        subject_id="receiver",
        before=before and {"origin": before.origin, "signed": before.is_signed},
        after={"origin": made.origin, "signed": made.is_signed},
    )
    waiting = (
        "SELECT o.id FROM outbox o WHERE o.webhook_id IS NULL AND o.attempts = 0"
        " AND (SELECT r.last_error FROM build_runs r WHERE r.id = o.id) = :nobody"
        " ORDER BY o.next_attempt_at"
    )
    for row in tx.fetch_all(waiting, nobody=NOBODY):
        run = runs.require_locked(tx, row["id"])
        if run["last_error"] == NOBODY:
            waits = {"last_error": None, "next_attempt_at": made.set_at}
            runs.change_run(tx, run, waits)
    return made
