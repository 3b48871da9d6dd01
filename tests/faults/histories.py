"""What clients of a desk were told, and whether one desk that lost nothing can have told them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.faults import linearizability
from tests.faults.linearizability import Operation

Outcome = Literal["done", "refused", "undone", "unknown"]
"""What a caller knows of its call: whether it was done, or what kept it from being done, or neither
of them."""

Action = Literal["execute", "decline"]
ENDS: Mapping[Action, str] = {"execute": "executed", "decline": "declined"}


@dataclass(frozen=True, slots=True)
class Decision:
    """An attempt to decide on a suggestion, for a reason that no other has; `state` is the one that
    it was refused for."""

    action: Action
    reason: str
    outcome: Outcome
    state: str | None = None


def _ids() -> defaultdict[str, set[str]]:
    return defaultdict(set)


@dataclass(slots=True)
class History:
    """What was asked for and what was answered. Of what has to be made once there are the ids in
    all answers: of tickets by their titles, of builds by their tickets, of suggestions by their
    evidence. Decisions are by suggestion, and operations by register."""

    tickets: defaultdict[str, set[str]] = field(default_factory=_ids)
    builds: defaultdict[str, set[str]] = field(default_factory=_ids)
    suggestions: defaultdict[str, set[str]] = field(default_factory=_ids)
    decisions: defaultdict[str, list[Decision]] = field(default_factory=lambda: defaultdict(list))
    operations: defaultdict[str, list[Operation]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Kept:
    """What there is in the end, by the same names: what was made, with its id; the numbers of the
    tickets; each suggestion's status, with its reason."""

    tickets: list[tuple[str, str]]
    builds: list[tuple[str, str]]
    suggestions: list[tuple[str, str]]
    numbers: list[int]
    ends: dict[str, tuple[str, str | None]]


def contradictions(history: History, kept: Kept) -> list[object]:
    """Return what was lost, done twice, or done in no order that there can be."""
    numbered = sorted(kept.numbers) == [*range(1, len(kept.numbers) + 1)]
    return [
        *_not_once(history.tickets, kept.tickets),
        *_not_once(history.builds, kept.builds),
        *_not_once(history.suggestions, kept.suggestions),
        *([] if numbered else [kept.numbers]),
        *(
            (suggestion, decisions, kept.ends.get(suggestion))
            for suggestion, decisions in history.decisions.items()
            if not _is_one_won(decisions, *kept.ends.get(suggestion, ("lost", None)))
        ),
        *(
            found
            for operations in history.operations.values()
            for found in linearizability.contradictions(operations)
        ),
    ]


def _not_once(told: Mapping[str, set[str]], kept: Iterable[tuple[str, str]]) -> list[object]:
    """Return what there is other than once, or under another id than all its callers were told."""
    there = defaultdict[str, list[str]](list)
    for name, kept_id in kept:
        there[name].append(kept_id)
    names = told.keys() | there.keys()
    return [
        (name, told.get(name), there[name])
        for name in names
        if len(there[name]) != 1 or told.get(name) != {*there[name]}
    ]


def _is_one_won(decisions: Iterable[Decision], status: str, reason: str | None) -> bool:
    """Tell whether a suggestion's end is that of the one that won, or where nobody was told so,
    that of one which nobody knows the outcome of; and whether all others were told of that end."""
    won = [decision for decision in decisions if decision.outcome == "done"]
    unknown = [decision for decision in decisions if decision.outcome == "unknown"]
    ends = {(ENDS[decision.action], decision.reason) for decision in won or unknown}
    possible = ends if won else {*ends, ("pending", None)}
    states = {decision.state for decision in decisions if decision.outcome == "refused"}
    return len(won) <= 1 and (status, reason) in possible and states <= {status}
