"""Texts whose words are used as words are: few of them often, most of them hardly ever."""

from itertools import accumulate, product
from random import Random

_SIZE = 20_000
_SYLLABLES = ["".join(pair) for pair in product("bdfghklmnprstvz", "aeiou")]
_WORDS = Random(1).sample(["".join(word) for word in product(_SYLLABLES, repeat=3)], _SIZE)
_WEIGHTS = list(accumulate(1 / rank for rank in range(1, _SIZE + 1)))
"""The n-th word is used 1/n times as often as the first (Zipf's law)."""

COMMONEST = _WORDS[0]


class Author:
    """Writes texts, the same ones in every run."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def words(self, count: int) -> str:
        return " ".join(self._random.choices(_WORDS, cum_weights=_WEIGHTS, k=count))

    def title(self) -> str:
        return self.words(6)

    def description(self) -> str:
        return self.words(self._random.randint(20, 80))
