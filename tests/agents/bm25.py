"""BM25 as a client's tool search has it: words in small letters, no stemming."""

import math
import re
from collections import Counter
from collections.abc import Mapping

K1, B = 1.2, 0.75


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def ranked(query: str, documents: Mapping[str, str]) -> list[str]:
    """Return the names of the documents, the one that fits the query best first."""
    counts = {name: Counter(words(text)) for name, text in documents.items()}
    average = sum(count.total() for count in counts.values()) / len(counts)
    having = Counter(word for count in counts.values() for word in count)

    def score(name: str) -> float:
        count = counts[name]
        length = 1 - B + B * count.total() / average
        return sum(
            math.log(1 + (len(counts) - having[word] + 0.5) / (having[word] + 0.5))
            * (count[word] * (K1 + 1) / (count[word] + K1 * length))
            for word in words(query)
        )

    return sorted(documents, key=score, reverse=True)
