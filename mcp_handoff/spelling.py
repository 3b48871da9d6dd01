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
    swapped, or by two in a long word: the nearest first, and `most` at most."""
    bound = 2 if len(word) >= _LONG else 1
    found = [(edits(word, candidate), candidate) for candidate in candidates]
    return [candidate for distance, candidate in sorted(found) if distance <= bound][:most]


def edits(word: str, other: str) -> int:
    """Return how many letters have to be left out, added, replaced or swapped with their neighbour
    to get from one word to the other."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(word, start=1):
        line = [row]
        for column, another in enumerate(other, start=1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != another))
            if row > 1 and column > 1 and (letter, word[row - 2]) == (other[column - 2], another):
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, above = above, line
    return above[-1]
