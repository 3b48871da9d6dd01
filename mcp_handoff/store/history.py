"""The line of history that every write leaves, and the word that goes to its followers."""

import json
from typing import Any

from mcp_handoff.actors import Actor
from mcp_handoff.events import Change, Event, EventKind
from mcp_handoff.references import reference
from mcp_handoff.store.transaction import Row, Transaction, insert, timestamp


def record(
    tx: Transaction,
    actor: Actor,
    kind: EventKind,
    *,
    subject_id: str,
    project_id: str | None = None,
    ticket_id: str | None = None,
    build_id: str | None = None,
    before: Row | None = None,
    after: Row | None = None,
) -> None:
    """Write down who did what to which subject, with what it was before and after, and announce
    the ticket and the build that it changed."""
    insert(
        tx,
        "events",
        {
            "kind": kind,
            "project_id": project_id,
            "ticket_id": ticket_id,
            "subject_id": subject_id,
            **actor.as_json(),
            "before": _json(before),
            "after": _json(after),
            "created_at": timestamp(tx.now),
        },
    )
    tx.announce(Change(kind, ticket_id, _reference(tx, ticket_id), build_id))


def newest(tx: Transaction, ticket_id: str, limit: int) -> list[Event]:
    """Return the newest events of a ticket, newest first."""
    rows = tx.all(
        "SELECT * FROM events WHERE ticket_id = :ticket_id ORDER BY seq DESC LIMIT :limit",
        ticket_id=ticket_id,
        limit=limit,
    )
    return [Event.model_validate({**row, **_loaded(row)}) for row in rows]


def _reference(tx: Transaction, ticket_id: str | None) -> str | None:
    row = tx.one(
        "SELECT t.number, p.slug FROM tickets t JOIN projects p ON p.id = t.project_id"
        " WHERE t.id = :id",
        id=ticket_id,
    )
    return reference(row["number"], row["slug"]) if row else None


def _loaded(row: Row) -> dict[str, Any]:
    return {side: json.loads(row[side]) if row[side] else None for side in ("before", "after")}


def _json(value: Row | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
