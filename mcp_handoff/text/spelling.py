"""Words that differ by a few letters."""

from collections.abc import Iterable

SHORTEST, LONGEST = 4, 24
"""How many letters a word has for which others are taken: of shorter ones, too many are near."""

_LONG = 8


def is_spelt(word: str) -> bool:
    """Tell whether others are taken for a word: whether it is made of letters, and of enough."""
    return SHORTEST <= len(word) <= LONGEST and word.isalpha()


def nearest(word: str, candidates: Iterable[str], most: int) -> list[str]:
    """Return the candidates that differ from a word by one letter left out, added, mistaken or
    swapped with its neighbour, or by two in a long word: the nearest first, and `most` at most."""
    from rapidfuzz.distance import OSA  # here, for it takes long to load and few searches need it

    bound = 2 if len(word) >= _LONG else 1
    found = [(OSA.distance(word, candidate), candidate) for candidate in candidates]
    return [candidate for distance, candidate in sorted(found) if distance <= bound][:most]
