"""The index of terms: what tickets are found by, written with them."""

import logging
from collections.abc import Sequence

from mcp_handoff.store.transaction import IndexedTicket, Row, Transaction, decode_json
from mcp_handoff.text.spelling import is_spelt
from mcp_handoff.text.terms import different_terms_of, terms_of_ticket

INDEXES_TERMS = "_terms"
"""How the migration is called that leaves every ticket to be indexed."""

BATCH = 500
"""How many tickets are read at once to be indexed."""

TOLD = 5_000
"""From how many tickets on it is told that they are being indexed."""

_READ = (
    "id, seq, project_id, status, title, description, evidence, suggested_resolution,"
    " implementation_notes"
)
_A_SECOND = 1_000
"""About how many tickets are indexed a second."""

logger = logging.getLogger(__name__)


def index_ticket(tx: Transaction, ticket: Row) -> None:
    """Write, or write anew, what a ticket is found by; to be called by whatever changes its texts
    or its status."""
    terms = terms_of(ticket)
    add_words(tx, ticket["project_id"], terms)
    tx.index(indexed(ticket, terms))


def terms_of(ticket: Row) -> list[str]:
    """Return what a ticket is found by."""
    return terms_of_ticket(ticket, decode_json(ticket["evidence"]))


def terms_of_text(text: str) -> set[str]:
    """Return those terms of a text that mistaken words of a query may stand for."""
    return {term for term in different_terms_of(text) if is_spelt(term)}


def add_words(tx: Transaction, project_id: str, terms: Sequence[str]) -> None:
    """Write down which of a ticket's terms mistaken words of a query may stand for."""
    tx.add_words(project_id, {term: term[::-1] for term in terms if is_spelt(term)})


def indexed(ticket: Row, terms: Sequence[str]) -> IndexedTicket:
    """Return a ticket as the index of terms has it."""
    return IndexedTicket(ticket["id"], ticket["project_id"], ticket["status"], terms)


def index_ticket_by_id(tx: Transaction, ticket_id: str) -> None:
    """Index a ticket as it is stored by now."""
    row = tx.fetch_one(f"SELECT {_READ} FROM tickets WHERE id = :id", id=ticket_id)
    assert row is not None, "the ticket was changed in this transaction"
    index_ticket(tx, row)


def index_all(tx: Transaction) -> None:
    """Index every ticket that a store of an older version holds."""
    counted = tx.fetch_one("SELECT count(*) AS tickets FROM tickets")
    assert counted is not None, "a count is one row"
    if counted["tickets"] >= TOLD:
        seconds = counted["tickets"] // _A_SECOND
        logger.warning(
            "the texts of %d tickets are being indexed for the new search, once: some %d s",
            counted["tickets"],
            seconds,
        )
    seq = 0
    while rows := tx.fetch_all(
        f"SELECT {_READ} FROM tickets WHERE seq > :seq ORDER BY seq LIMIT {BATCH}", seq=seq
    ):
        for row in rows:
            index_ticket(tx, row)
        seq = rows[-1]["seq"]
