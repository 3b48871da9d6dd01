"""The checker of histories finds what is wrong, and nothing else."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from math import inf

import pytest

from tests.faults.linearizability import Operation, contradictions

pytestmark = pytest.mark.proof

WRONG = {
    "a write that is lost": [
        Operation("write", "a", 0, 1),
        Operation("write", "b", 2, 3),
        Operation("read", "a", 4, 5),
    ],
    "a value that was written again by nobody": [
        Operation("write", "a", 0, 9),
        Operation("write", "b", 0, 9),
        Operation("read", "a", 1, 2),
        Operation("read", "b", 3, 4),
        Operation("read", "a", 5, 6),
    ],
    "the first value after a write": [Operation("write", "a", 0, 1), Operation("read", None, 2, 3)],
    "a value that nobody wrote": [Operation("read", "a", 0, 1)],
    "a value before it was written": [Operation("read", "a", 0, 1), Operation("write", "a", 2, 3)],
    "a write that was done, undone and done again without an answer": [
        Operation("write", "a", 0, 1),
        Operation("write", "b", 2),
        Operation("read", "b", 3, 4),
        Operation("read", "a", 5, 6),
    ],
}

RIGHT = {
    "nothing": [],
    "a read that sees a write before it is answered": [
        Operation("write", "a", 0, 9),
        Operation("read", "a", 1, 2),
    ],
    "a write without an answer that was done late": [
        Operation("write", "a", 0),
        Operation("write", "b", 1, 2),
        Operation("read", "b", 3, 4),
        Operation("read", "a", 5, 6),
    ],
    "a write without an answer that was not done": [
        Operation("write", "a", 0),
        Operation("read", None, 1, 2),
    ],
}


@pytest.mark.parametrize("what", WRONG)
def test_a_history_that_fits_no_order_is_found(what: str) -> None:
    assert contradictions(WRONG[what])


@pytest.mark.parametrize("what", RIGHT)
def test_a_history_that_fits_an_order_is_let_be(what: str) -> None:
    assert contradictions(RIGHT[what]) == []


def test_the_checker_says_what_trying_every_order_says() -> None:
    dice, said = random.Random(0), list[bool]()
    for _ in range(200):
        history = drawn(dice)
        said.append(not contradictions(history))
        assert said[-1] == fits_an_order(history), history
    assert 20 < sum(said) < 180


def drawn(dice: random.Random) -> list[Operation]:
    """Return a small history: up to three writes, whether answered or not, and three reads."""
    values = "abc"[: dice.randint(0, 3)]
    writes = [Operation("write", value, *span(dice)) for value in values]
    told = [write if dice.random() < 0.7 else replace(write, returned=inf) for write in writes]
    read = (dice.choice([None, *values]) for _ in range(dice.randint(1, 3)))
    return [*told, *(Operation("read", value, *span(dice)) for value in read)]


def span(dice: random.Random) -> tuple[float, float]:
    invoked, returned = sorted(dice.sample(range(100), 2))
    return invoked, returned


def fits_an_order(history: Sequence[Operation]) -> bool:
    """Try every order of a history's operations; one that is not answered may come last, where no
    read sees it."""
    return any(reads_the_last(order) and keeps_the_time(order) for order in permutations(history))


def keeps_the_time(order: Sequence[Operation]) -> bool:
    return not any(
        later.returned < earlier.invoked
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def reads_the_last(order: Sequence[Operation]) -> bool:
    value: str | None = None
    for operation in order:
        if operation.kind == "write":
            value = operation.value
        elif operation.value != value:
            return False
    return True
