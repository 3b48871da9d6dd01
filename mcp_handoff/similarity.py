"""Whether two tickets look like they are about the same."""

import math
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Protocol

from pydantic import StringConstraints

from mcp_handoff.actors import Caller
from mcp_handoff.projects import ProjectName
from mcp_handoff.schema import STORABLE, Record, Request
from mcp_handoff.text.terms import different_terms_of
from mcp_handoff.tickets import SimilarTicket

LIKE = 0.5
"""From where on two tickets look alike; measured on labelled tickets (docs/decisions/search.md)."""

MOST_SIMILAR = 3
"""How many tickets that look like a new one are named."""

_OF_TITLE, _OF_DESCRIPTION = 5, 1

_COMMON = different_terms_of(
    "a after all also an and any are as at be been before but by can cannot could did do does each"
    " every for from had has have here how i if in into is it its more most my no not of off on one"
    " only or other our out over should so some still such than that the their them then there"
    " these they this those to too under up us was we were what when where which while who whose"
    " why will with without would you your"
)
"""What English texts of any subject have."""


class FindSimilar(Request):
    """Find the open tickets that look like one that is not filed yet."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=140), STORABLE]
    description: Annotated[str, StringConstraints(max_length=5000), STORABLE] = ""
    project: ProjectName | None = None


class SimilarTickets(Record):
    """Up to MOST_SIMILAR tickets, the most alike first."""

    tickets: list[SimilarTicket]


class SimilarityOperations(Protocol):
    """What a store tells of tickets that look alike."""

    async def find_similar(self, caller: Caller, request: FindSimilar, /) -> SimilarTickets:
        """Find the open tickets of a project that look like one that is not filed yet."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What a ticket says, as far as it tells it from others: the terms of its title, and of its
    title and description."""

    title: Set[str]
    whole: Set[str]

    @classmethod
    @lru_cache(maxsize=256)  # the same newest tickets are compared with each that is filed
    def by(cls, title: str, description: str) -> "Said":
        in_title = different_terms_of(title) - _COMMON
        return cls(in_title, in_title | (different_terms_of(description) - _COMMON))

    def looked_up(self) -> list[str]:
        """Return by which terms a ticket like this would be found: the title's, and the longest of
        the description, which are the rarest mostly."""
        in_title = sorted(self.title, key=len, reverse=True)[:_OF_TITLE]
        others = sorted(self.whole - self.title, key=len, reverse=True)[:_OF_DESCRIPTION]
        return in_title + others

    def likeness(self, other: "Said") -> float:
        """Return between 0 and 1 how much two tickets say the same: the mean of how much of each
        title the other ticket has, and of how much all that they say is alike (the cosine of their
        terms)."""
        alike = len(self.whole & other.whole) / math.sqrt(
            max(len(self.whole) * len(other.whole), 1)
        )
        return (_share(self.title, other.whole) + _share(other.title, self.whole) + alike) / 3


def _share(terms: Set[str], other: Set[str]) -> float:
    return len(terms & other) / max(len(terms), 1)
