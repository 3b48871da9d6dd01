"""Taking a text out of a ticket, wherever the store has it."""

import secrets
from dataclasses import dataclass

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound
from mcp_handoff.redactions import RedactedTicket, Redaction, RedactTicket
from mcp_handoff.schema import timestamp
from mcp_handoff.store import history, idempotency, near_words, ticket_terms
from mcp_handoff.store.lookup import FoundTicket, look_up_named, look_up_ticket
from mcp_handoff.store.ticket_filters import folded
from mcp_handoff.store.transaction import Row, Transaction, decode_json, encode_json
from mcp_handoff.text.characters import listed


@dataclass(frozen=True, slots=True)
class Place:
    """The rows of a table that hold what was written in a ticket: `condition` chooses them, `key`
    tells one from another."""

    table: str
    condition: str
    key: tuple[str, ...] = ("id",)


PLACES = (
    Place("tickets", "id = :id"),
    Place("takes", "ticket_id = :id", ("ticket_id", "role")),
    Place("messages", "ticket_id = :id"),
    Place("suggestions", "ticket_id = :id"),
    Place("build_runs", "ticket_id = :id"),
    Place("builds", "source_id = :id"),
    Place("events", "ticket_id = :id", ("seq",)),
    Place(
        "outbox",
        "ticket_id = :id OR id IN (SELECT r.id FROM build_runs r WHERE r.ticket_id = :id)",
    ),
    Place(
        "pull_requests",
        "(repository_id, change) IN"
        " (SELECT m.repository_id, m.change FROM mentions m WHERE m.ticket_id = :id)",
        ("repository_id", "change"),
    ),
    # Whatever shows something of a ticket names it, by its id or its reference.
    Place(
        "idempotency",
        "result LIKE '%' || :id || '%' OR result LIKE '%' || :reference || '%'",
        ("principal", "operation", "key"),
    ),
)

JSON_COLUMNS = frozenset(
    {"evidence", "ai_output", "metadata", "before", "after", "payload", "result", "proof"}
)
"""Which columns hold JSON."""

_CHANGED_APART = ("builds", "build_runs")
"""The tables whose rows others change without locking their ticket."""


@idempotency.once(RedactedTicket, access=look_up_named)
def redact_ticket(tx: Transaction, caller: Caller, request: RedactTicket) -> RedactedTicket:
    """Replace a text wherever a ticket has it, whole or not at all."""
    found = look_up_ticket(tx, caller, request.ticket, request.project, locked=True)
    redaction = Redaction(request.text)
    for place in PLACES:
        _redact(tx, found, place, redaction)
    if not redaction.places:
        names = listed(sorted(redaction.stays_in))
        why = f"does not occur in {found.reference}"
        if names:
            why = f"occurs in {names} alone of {found.reference}, which are kept"
        raise NotFound.at("text", why, "it is searched for exactly as given")
    history.forget_digests(tx, found.ticket["id"])
    _forget_fingerprint(tx, found)
    _forget_words(tx, found, request.text)
    history.add_event(
        tx,
        caller,
        "ticket.redacted",
        subject_id=found.ticket["id"],
        **found.in_history,
        after={"places": redaction.places},
    )
    return RedactedTicket(
        ticket=found.reference, places=redaction.places, stays_in=sorted(redaction.stays_in)
    )


def _redact(tx: Transaction, found: FoundTicket, place: Place, redaction: Redaction) -> None:
    """Replace the text in the rows of one table."""
    chosen = {"id": found.ticket["id"], "reference": found.reference}
    if place.table in _CHANGED_APART:
        for row in tx.fetch_all(f"SELECT id FROM {place.table} WHERE {place.condition}", **chosen):
            tx.lock(place.table, row["id"])
    for row in tx.fetch_all(f"SELECT * FROM {place.table} WHERE {place.condition}", **chosen):
        fields = {**row, **{name: decode_json(row[name]) for name in JSON_COLUMNS & row.keys()}}
        without = redaction.of_fields(fields)
        changes = {
            name: encode_json(value) if name in JSON_COLUMNS else value
            for name, value in without.items()
            if value != fields[name]
        }
        if row.get("actor_key") and "actor_id" in changes:
            changes["actor_key"] = folded(changes["actor_id"] or "")
        if changes:
            _write(tx, place, row, changes)


def _write(tx: Transaction, place: Place, row: Row, changes: Row) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    own = " AND ".join(f"{name} = :own_{name}" for name in place.key)
    tx.execute(
        f"UPDATE {place.table} SET {assignments} WHERE {own}",
        **changes,
        **{f"own_{name}": row[name] for name in place.key},
    )


def _forget_fingerprint(tx: Transaction, found: FoundTicket) -> None:
    """Give a ticket the fingerprint of no content, and have whoever read it before read it again:
    what they would write back may hold the text."""
    tx.execute(
        "UPDATE tickets SET fingerprint = :fingerprint, updated_at = :now WHERE id = :id",
        fingerprint=secrets.randbits(64) - 2**63,
        now=timestamp(tx.now),
        id=found.ticket["id"],
    )


def _forget_words(tx: Transaction, found: FoundTicket, text: str) -> None:
    """Index a ticket as it is now, and forget those words that none of its project's tickets has
    any more: of what it said, of the text, and those that began or ended with this when it said
    something else."""
    ticket_terms.index_ticket_by_id(tx, found.ticket["id"])
    spaced = text.split()
    ends = ticket_terms.terms_of_text(f"{spaced[0]} {spaced[-1]}")
    words = {*ticket_terms.terms_of(found.ticket)} | ticket_terms.terms_of_text(text)
    words |= near_words.words_with(tx, found.project, ends)
    near_words.forget_unused(tx, found.project, words)
