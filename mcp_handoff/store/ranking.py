"""Which tickets have the words of a query, the best first.

What it costs does not depend on how common the words are: of each the newest tickets are looked up,
so many that they tell how common it is (docs/decisions/search.md).
"""

import json
import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mcp_handoff.store.transaction import Scope, Transaction
from mcp_handoff.text.terms import Word

LOOKED_UP = 500
"""How many of the newest tickets are looked up for a word, where a page does not ask for more."""

DEEPEST = 20_000
"""The most that are looked up however deep the page lies; the pages end there."""

SHARED = 1_000
"""How many all words of a query share where they are several."""

PRECISION = 1_000_000
"""Weights are whole numbers of this fraction: their sums are the same in whatever order."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Tickets by their `seq`, the best first and the newer first of those that are as good;
    `whole` where no list of a word was longer than what was looked up."""

    seqs: Sequence[int]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """The newest tickets with a word; `weight` is the greater the fewer tickets have it, and counts
    twice for a ticket that has it in its title."""

    word: Word
    seqs: Sequence[int]
    whole: bool
    weight: int


def rank(tx: Transaction, scope: Scope, words: Sequence[Word], most: int) -> Ranking:
    """Return the tickets that have any of these words, about `most` of each at most."""
    most = min(max(most, min(LOOKED_UP, SHARED // 2 // max(len(words), 1))), DEEPEST)
    titled = [word for word in words if word.title_terms]
    lookups = [(word.terms,) for word in words] + [(word.title_terms,) for word in titled]
    lists = tx.newest_with(scope, lookups, most + 1)
    found = _weighed(tx, scope, words, lists, most)
    scores = defaultdict[int, int](int)
    for one, seqs in zip(found, _completed(tx, scope, found), strict=True):
        for seq in seqs:
            scores[seq] += one.weight
    weights = {one.word: one.weight for one in found}
    for word, seqs in zip(titled, lists[len(words) :], strict=True):
        for seq in seqs:
            scores[seq] += weights[word]  # once more
    seqs = sorted(scores, reverse=True)
    seqs.sort(key=scores.__getitem__, reverse=True)
    return Ranking(seqs, whole=all(one.whole for one in found))


def _weighed(
    tx: Transaction,
    scope: Scope,
    words: Sequence[Word],
    lists: Sequence[Sequence[int]],
    most: int,
) -> list[_Found]:
    """Weigh each word by how many tickets have it: those that were found, or as many as there are
    where the newest of them stand as close all along."""
    oldest = [seqs[-1] for seqs in lists[: len(words)] if len(seqs) > most]
    numbers = dict[int, int]()
    if oldest:
        rows = tx.fetch_all(
            f"SELECT t.seq, t.number FROM {tx.tickets_among('oldest')}",
            oldest=json.dumps(oldest),
        )
        numbers = {row["seq"]: row["number"] for row in rows}
    found = list[_Found]()
    for word, seqs in zip(words, lists, strict=False):
        whole = len(seqs) <= most
        looked_through = scope.newest if whole else scope.newest - numbers[seqs[-1]] + 1
        rarity = math.log1p(max(looked_through, 1) / max(len(seqs), 1))
        weight = round(PRECISION * rarity)
        found.append(_Found(word, seqs, whole, weight))
    return found


def _completed(tx: Transaction, scope: Scope, found: Sequence[_Found]) -> list[Collection[int]]:
    """Return the tickets with each word, with those of a common one that are too old to be among
    its newest as far as they have a rare word too; where all are common, the least common."""
    common = [one for one in found if not one.whole]
    rare = [one for one in found if one.whole and one.seqs]
    if common and not rare:
        rare = [max(common, key=lambda one: one.weight)]
    others = [one for one in common if one not in rare]
    if not others:
        return [one.seqs for one in found]
    any_rare = tuple(term for one in rare for term in one.word.terms)
    lookups = [(any_rare, one.word.terms) for one in others]
    most = sum(len(one.seqs) for one in rare)
    older = dict(zip(map(id, others), tx.newest_with(scope, lookups, most), strict=True))
    return [{*one.seqs, *older.get(id(one), ())} for one in found]
