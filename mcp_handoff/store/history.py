"""The event that every write leaves, and the changes that subscribers hear of, read from them."""

import json
from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

from mcp_handoff.actors import Caller
from mcp_handoff.events import Change, Event, EventKind
from mcp_handoff.references import reference as reference_of
from mcp_handoff.schema import timestamp
from mcp_handoff.store.transaction import (
    Row,
    Transaction,
    decode_json,
    encode_json,
    insert,
    placeholders,
)

BATCH = 1_000
"""How many events one statement writes at most."""

WINDOW = 10_000
"""How many of the newest events are looked at for changes; with more at once, anything may have
changed."""

LONGEST = 2_000
"""How many characters of a field an event keeps as they are."""


def add_event(
    tx: Transaction,
    caller: Caller,
    kind: EventKind,
    *,
    subject_id: str,
    project_id: str | None = None,
    ticket_id: str | None = None,
    before: Row | None = None,
    after: Row | None = None,
    created_at: str | None = None,
) -> None:
    """Write down who did what to which subject, whom that was proved to be, with what it was
    before and after (of what is long its length and digest); now, unless it was `created_at`
    another time."""
    row = _row(tx, caller, kind, project_id, ticket_id, before, after)
    at = {"created_at": created_at} if created_at else {}
    insert(tx, "events", {**row, "subject_id": subject_id, **at})


def add_equal_events(
    tx: Transaction,
    caller: Caller,
    kind: EventKind,
    *,
    subject_ids: Sequence[str],
    project_id: str,
    ticket_id: str,
    before: Row,
    after: Row,
) -> None:
    """Write down that the same was done to several subjects of one ticket."""
    row = _row(tx, caller, kind, project_id, ticket_id, before, after)
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    for start in range(0, len(subject_ids), BATCH):
        parameters, ids = placeholders("subject", subject_ids[start : start + BATCH])
        rows = ", ".join(f"({one}, {values})" for one in parameters.split(", "))
        tx.execute(f"INSERT INTO events (subject_id, {names}) VALUES {rows}", **row, **ids)


def _row(
    tx: Transaction,
    caller: Caller,
    kind: EventKind,
    project_id: str | None,
    ticket_id: str | None,
    before: Row | None,
    after: Row | None,
) -> Row:
    """Return an event's columns but its subject's."""
    return {
        "kind": kind,
        "project_id": project_id,
        "ticket_id": ticket_id,
        **caller.actor.as_json(),
        **caller.principal.as_json(),
        "before": _kept(before),
        "after": _kept(after),
        "created_at": timestamp(tx.now),
    }


def _kept(fields: Row | None) -> str | None:
    """Return fields as JSON; a long one as its length, in characters of text or of JSON, and the
    SHA-256 of the same."""
    whole = encode_json(fields)
    if fields is None or whole is None or len(whole) <= LONGEST:
        return whole
    kept = dict(fields)
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(text) > LONGEST:
            kept[name] = {"length": len(text), "sha256": sha256(text.encode()).hexdigest()}
    return encode_json(kept)


def forget_digests(tx: Transaction, ticket_id: str) -> None:
    """Forget the digests of a ticket's long texts, by which a guess of what was in one could be
    checked; their lengths stay."""
    rows = tx.fetch_all(
        "SELECT seq, before, after FROM events WHERE ticket_id = :ticket_id"
        """ AND (before LIKE '%"sha256"%' OR after LIKE '%"sha256"%')""",
        ticket_id=ticket_id,
    )
    for row in rows:
        tx.execute(
            "UPDATE events SET before = :before, after = :after WHERE seq = :seq",
            seq=row["seq"],
            before=encode_json(_without_digests(decode_json(row["before"]))),
            after=encode_json(_without_digests(decode_json(row["after"]))),
        )


def _without_digests(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    return fields and {
        name: {"length": value["length"]} if _is_digest(value) else value
        for name, value in fields.items()
    }


def _is_digest(value: Any) -> bool:
    return isinstance(value, dict) and cast(dict[str, Any], value).keys() == {"length", "sha256"}


def newest(tx: Transaction, ticket_id: str, limit: int) -> list[Event]:
    """Return the newest events of a ticket, newest first."""
    rows = tx.fetch_all(
        "SELECT * FROM events WHERE ticket_id = :ticket_id ORDER BY seq DESC LIMIT :limit",
        ticket_id=ticket_id,
        limit=limit,
    )
    return [_event(row) for row in rows]


def changes_after(tx: Transaction, number: int) -> dict[int, Change]:
    """Return what the events above a number changed, by their numbers, oldest first; of the newest
    WINDOW alone."""
    rows = tx.fetch_all(
        "SELECT e.seq, e.kind, e.ticket_id, t.number, p.slug,"
        " CASE WHEN e.kind LIKE 'build.%' THEN coalesce(r.build_id, e.subject_id) END AS build_id"
        " FROM events e LEFT JOIN tickets t ON t.id = e.ticket_id"
        " LEFT JOIN projects p ON p.id = t.project_id"
        " LEFT JOIN build_runs r ON r.id = e.subject_id"
        " WHERE e.seq > :number ORDER BY e.seq DESC LIMIT :most",
        number=number,
        most=WINDOW,
    )
    return {row["seq"]: _change(row) for row in reversed(rows)}


def _change(row: Row) -> Change:
    named = reference_of(row["number"], row["slug"]) if row["ticket_id"] else None
    return Change(row["kind"], row["ticket_id"], named, row["build_id"])


def closing(tx: Transaction, ticket_id: str, resolved_at: str) -> Event | None:
    """Return the event by which a ticket was closed at an instant, None where that is not known."""
    row = tx.fetch_one(
        "SELECT * FROM events WHERE ticket_id = :ticket_id"
        " AND kind IN ('suggestion.executed', 'ticket.closed')"
        " AND created_at = :resolved_at ORDER BY seq DESC LIMIT 1",
        ticket_id=ticket_id,
        resolved_at=resolved_at,
    )
    return _event(row) if row else None


def of_tokens(tx: Transaction) -> dict[str, list[Event]]:
    """Return the events of all tokens by the tokens' ids, oldest first."""
    rows = tx.fetch_all(
        "SELECT * FROM events WHERE kind IN ('token.created', 'token.rotated', 'token.revoked')"
        " ORDER BY subject_id, seq"
    )
    return {
        token_id: [_event(row) for row in of_token]
        for token_id, of_token in groupby(rows, key=itemgetter("subject_id"))
    }


def _event(row: Row) -> Event:
    return Event.model_validate(
        {**row, "before": decode_json(row["before"]), "after": decode_json(row["after"])}
    )
