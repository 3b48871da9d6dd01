"""Searching the texts of a project's tickets, page by page."""

import json
from collections.abc import Sequence
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.references import parse_name
from mcp_handoff.store.near_words import near_words
from mcp_handoff.store.pages import cut
from mcp_handoff.store.ranking import rank
from mcp_handoff.store.ticket_filters import conditions_of
from mcp_handoff.store.ticket_lists import Found
from mcp_handoff.store.ticket_rows import shown_columns
from mcp_handoff.store.transaction import Row, Scope, Transaction
from mcp_handoff.text.terms import Word, words_of
from mcp_handoff.tickets import FindTickets

FILTERED = 1_500
"""How many of the newest tickets are looked up for a word where filters leave too few of them."""

CHECKED = 250
"""How many tickets are checked against the filters at once."""


def search(
    tx: Transaction, caller: Caller, project: Row, request: FindTickets, position: int | None
) -> Found:
    """Return the page from `position` on of what a query finds, the best first; an offset is where
    the first page begins.

    A query that is a ticket's number or reference has that ticket on top of its first page.
    """
    offset = request.offset if position is None else position
    scope = Scope(project["id"], project["last_number"], request.status)
    query = request.query or ""
    conditions, values = conditions_of(project, request, caller, tx.now)
    unfiltered = FindTickets(status=request.status)
    others_fit = conditions == conditions_of(project, unfiltered, caller, tx.now)[0]
    most = offset + request.limit + 1

    def fitting(words: Sequence[Word]) -> Sequence[int]:
        if others_fit:
            return rank(tx, scope, words, most).seqs
        fit = list[int]()
        for reach in (most, max(most, FILTERED)):
            ranked = rank(tx, scope, words, reach)
            fit = _first_fitting(tx, ranked.seqs, conditions, values, most)
            if ranked.whole or len(fit) >= most:
                break
        return fit

    words, tried = words_of(query), None
    ranked = fitting(words)
    if named := _named(tx, project, query, conditions, values):
        ranked = [named, *(seq for seq in ranked if seq != named)]
    elif not ranked:
        near = near_words(tx, project, words)
        ranked = fitting(near)
        tried = _tried(near if ranked else [])
    seqs = ranked[offset:most]
    columns = f"t.seq, {shown_columns(slim=request.slim)}"
    rows = {row["seq"]: row for row in _fetch(tx, columns, seqs, conditions, values)}
    page = cut([rows[seq] for seq in seqs], request.limit)
    after = offset + len(page) if len(page) < len(seqs) else None
    return Found(page, after, tried=tried)


def _first_fitting(
    tx: Transaction,
    ranked: Sequence[int],
    conditions: Sequence[str],
    values: dict[str, Any],
    most: int,
) -> list[int]:
    """Return the first of the ranked tickets that fit the conditions: `most`, or some more."""
    fit = list[int]()
    for begin in range(0, len(ranked), CHECKED):
        checked = ranked[begin : begin + CHECKED]
        kept = {row["seq"] for row in _fetch(tx, "t.seq", checked, conditions, values)}
        fit += [seq for seq in checked if seq in kept]
        if len(fit) >= most:
            break
    return fit


def _tried(near: Sequence[Word]) -> list[str]:
    """Say what was tried for words that no ticket has, and what was found for near ones."""
    others = ", ".join(term for word in near for term in word.terms)
    return [
        "each of the words, in all its forms",
        "words that differ by a letter or two" + (f": {others}" if others else ""),
    ]


def _fetch(
    tx: Transaction,
    columns: str,
    seqs: Sequence[int],
    conditions: Sequence[str],
    values: dict[str, Any],
) -> Sequence[Row]:
    """Return these columns of those of the tickets that fit the conditions."""
    if not seqs:
        return []
    return tx.fetch_all(
        f"SELECT {columns} FROM {tx.tickets_among('seqs')} WHERE {' AND '.join(conditions)}",
        seqs=json.dumps([*seqs]),
        **values,
    )


def _named(
    tx: Transaction, project: Row, query: str, conditions: Sequence[str], values: dict[str, Any]
) -> int | None:
    """Return the `seq` of the ticket that the query is a name of, when it is wanted otherwise."""
    try:
        key = parse_name(query)
    except ValueError:
        return None
    if key.number is None or key.project not in (None, project["slug"]):
        return None
    row = tx.fetch_one(
        f"SELECT t.seq FROM tickets t WHERE {' AND '.join(conditions)} AND t.number = :named",
        named=key.number,
        **values,
    )
    return row["seq"] if row else None
