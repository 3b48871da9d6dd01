"""Whether two tickets look like they are about the same."""

import math
from collections.abc import Sequence, Set

from mcp_handoff.terms import terms_of

LIKE = 0.5
"""From where on two tickets look alike; measured on labelled tickets (docs/decisions/search.md)."""

MOST_SIMILAR = 3
"""How many tickets that look like a new one are named."""

_LOOKED_UP, _OF_DESCRIPTION = 10, 3

_COMMON = frozenset(
    term
    for term in terms_of(
        "a after all also an and any are as at be been before but by can cannot could did do does"
        " each every for from had has have here how i if in into is it its more most my no not of"
        " off on one only or other our out over should so some still such than that the their them"
        " then there these they this those to too under up us was we were what when where which"
        " while who whose why will with without would you your"
    )
)
"""What English texts of any subject have."""


def telling_terms(title: str, description: str) -> list[str]:
    """Return by which terms a ticket like this would be found: the title's, and the longest of its
    description, which are the rarest mostly."""
    in_title = list(dict.fromkeys(_telling(title)))
    others = sorted(set(_telling(description)).difference(in_title), key=len, reverse=True)
    return (in_title[: _LOOKED_UP - _OF_DESCRIPTION] + others)[:_LOOKED_UP]


def similarity(ticket: Sequence[str], other: Sequence[str]) -> float:
    """Return between 0 and 1 how much two tickets, each a title and a description, say the same:
    the mean of how much of each title the other ticket has, and of how much all that they say is
    alike (the cosine of their terms)."""
    title, other_title = {*_telling(ticket[0])}, {*_telling(other[0])}
    whole, other_whole = title.union(_telling(ticket[1])), other_title.union(_telling(other[1]))
    alike = len(whole & other_whole) / math.sqrt(max(len(whole) * len(other_whole), 1))
    return (_share(title, other_whole) + _share(other_title, whole) + alike) / 3


def _share(terms: Set[str], other: Set[str]) -> float:
    return len(terms & other) / max(len(terms), 1)


def _telling(text: str) -> list[str]:
    return [term for term in terms_of(text) if term not in _COMMON]
