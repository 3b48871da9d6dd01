"""Whether what many clients wrote to a register and read from it fits one order.

A history is linearizable when every operation can be given an instant between its invocation and
its response so that every read returns what was written last (Herlihy and Wing, 1990). Where no
value is written twice that needs no search (Gibbons and Korach, 1997): between a write and the next
one stand just the reads of its value, so all operations with one value are done before all with
another. Two values contradict each other when each has an operation that ended before one of the
other's began; and where no two do, no longer circle does.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf
from typing import Literal


@dataclass(frozen=True, slots=True)
class Operation:
    """A write of a value, or a read that returned it; None is there before the first write.

    A write that was not answered may have been done at any time after its invocation, or never: it
    has no end.
    """

    kind: Literal["write", "read"]
    value: str | None
    invoked: float
    returned: float = inf


def contradictions(history: Iterable[Operation]) -> list[Sequence[Operation]]:
    """Return the operations on one register that fit no order, by what they contradict each other
    in; none when its history is linearizable. No value may be written twice."""
    by_value = defaultdict[str | None, list[Operation]](list)
    by_value[None].append(Operation("write", None, -inf, -inf))
    for operation in history:
        by_value[operation.value].append(operation)
    spans = [
        (min(same, key=lambda done: done.returned), max(same, key=lambda done: done.invoked))
        for same in by_value.values()
    ]
    crossed = (
        (*one, *other)
        for one, other in combinations(spans, 2)
        if one[0].returned < other[1].invoked and other[0].returned < one[1].invoked
    )
    early = filter(None, map(_before_their_write, by_value.values()))
    return [*early, *crossed]


def _before_their_write(same: Sequence[Operation]) -> Sequence[Operation]:
    """Return what was read before it was written, or was never written."""
    written = min((done.invoked for done in same if done.kind == "write"), default=inf)
    return [read for read in same if read.returned < written]
