"""What has happened, queued for the webhooks that want to hear of it.

The history is the queue: each webhook has a position in it, and the outbox holds as much of what
follows as is about to be sent.
"""

import json

from mcp_handoff.ids import new_id
from mcp_handoff.schema import timestamp
from mcp_handoff.store.project_history import event_of
from mcp_handoff.store.transaction import Row, Transaction, insert
from mcp_handoff.webhooks import BACKLOG, wants

BATCH = 200
"""How many events one transaction looks at for each webhook."""

_UNTOLD = {"criteria", "description", "evidence", "metadata", "note"}
"""Which fields of an event are read at the desk alone: what a ticket, a message or a build says."""

_BEHIND = (
    "off_since IS NULL AND position < :settled"
    " AND (SELECT count(*) FROM outbox WHERE webhook_id = webhooks.id) < :backlog"
)
"""Which webhooks have not been told of all that has happened, and have room for more."""


def is_anybody_told(tx: Transaction) -> bool:
    """Tell whether there is a webhook that is not switched off, or one whose test waits."""
    told = "off_since IS NULL OR EXISTS (SELECT 1 FROM outbox WHERE webhook_id = webhooks.id)"
    return tx.fetch_one(f"SELECT 1 FROM webhooks WHERE {told} LIMIT 1") is not None


def are_events_waiting(tx: Transaction, settled: int) -> bool:
    """Tell whether a webhook has not been told of all events up to the number `settled`."""
    behind = f"SELECT 1 FROM webhooks WHERE {_BEHIND} LIMIT 1"
    return tx.fetch_one(behind, settled=settled, backlog=BACKLOG) is not None


def queue_events(tx: Transaction, settled: int) -> None:
    """Take every webhook that is behind one batch of events further, at most to `settled`; of
    several who do this at once one does."""
    rows = tx.fetch_all(
        f"SELECT * FROM webhooks WHERE {_BEHIND} ORDER BY id", settled=settled, backlog=BACKLOG
    )
    batches = {at: _events_after(tx, at, settled) for at in {row["position"] for row in rows}}
    for webhook in rows:
        events = batches[webhook["position"]]
        reached = events[-1]["seq"] if len(events) == BATCH else settled
        moved = tx.fetch_one(
            "UPDATE webhooks SET position = :reached WHERE id = :id AND position = :position"
            " AND off_since IS NULL RETURNING id",
            reached=reached,
            id=webhook["id"],
            position=webhook["position"],
        )
        if moved:
            _queue(tx, webhook, events)


def _events_after(tx: Transaction, position: int, settled: int) -> list[Row]:
    return tx.fetch_all(
        "SELECT e.*, t.number, t.title, p.slug FROM events e"
        " LEFT JOIN tickets t ON t.id = e.ticket_id LEFT JOIN projects p ON p.id = e.project_id"
        " WHERE e.seq > :position AND e.seq <= :settled ORDER BY e.seq LIMIT :batch",
        position=position,
        settled=settled,
        batch=BATCH,
    )


def _queue(tx: Transaction, webhook: Row, events: list[Row]) -> None:
    """Leave a message of each event that a webhook wants to hear of in the outbox."""
    topics = json.loads(webhook["events"])
    for event in events:
        if webhook["project_id"] not in (None, event["project_id"]):
            continue
        if wants(topics, event["kind"]):
            row = {
                "id": new_id(),
                "webhook_id": webhook["id"],
                "event_seq": event["seq"],
                "ticket_id": event["ticket_id"],
                "payload": json.dumps(_message(event), ensure_ascii=False),
                "next_attempt_at": timestamp(tx.now),
            }
            insert(tx, "outbox", row)


def _message(event: Row) -> Row:
    """Return what is told of an event: what the history says of it, but for long texts, and what it
    is about."""
    told = event_of(event, event["slug"])
    about = {"project": event["slug"], "ticket": told.ticket, "title": event["title"]}
    exclude = {"kind": True, "created_at": True, "before": _UNTOLD, "after": _UNTOLD}
    data = {**about, **told.model_dump(exclude=exclude)}
    given = {name: value for name, value in data.items() if value is not None}
    return {"type": event["kind"], "timestamp": event["created_at"], "data": given}
