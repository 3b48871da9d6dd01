"""What the calls that agents make most cost a server's processor over HTTP, as ratios to a create
of the bare SDK server; fails when one costs more than 15 % over what `ratios.json` keeps.

Each turn goes to every call once, in an order that is drawn, and every few turns both servers are
started anew, for some processes are slower than others for as long as they live. What else the
machine does can only add to the processor time of a call (cold caches, shared cores), so what
counts is the mean of the quickest quarter of the turns: on a machine with twice as much to do as it
has cores, ratios of 20 turns differ by 6 % at most from run to run.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import load, wire
from benchmarks.contenders import bare, ours_over_http
from benchmarks.load import PLACE, Order
from benchmarks.served import Served
from benchmarks.table import markdown, milliseconds, verdict
from benchmarks.turns import shuffled

KEPT = Path(__file__).with_name("ratios.json")

GROWTH = 1.15
"""How many times what is kept a ratio may be."""

TICKETS, SUGGESTIONS = 40, 10
"""What there is to find."""

_CLIENTS, _CALLS = 4, 150
_TURNS_OF_A_SERVER = 5
_NEW = ours_over_http().ticket(PLACE)

CALLS: Mapping[str, Mapping[str, Any]] = {
    "create_ticket": _NEW,
    "find_tickets": {},
    "get_ticket": {"ticket": 1},
    "update_ticket": {"ticket": 2, "title": f"Checkout fails, {PLACE} times by now"},
    "list_suggestions": {},
}
"""The calls, with their arguments: the create, the reads of an agent's loop, and of the writes to a
ticket the update, which can be repeated where a take can't."""

BARE = "bare SDK server"

Taken = Mapping[str, Sequence[float]]
"""The seconds of processor that a call took, turn by turn, by its name; with BARE's create."""


@dataclass(frozen=True, slots=True)
class Side:
    """A call of a server."""

    server: Served
    request: str

    def call(self, first: int) -> float:
        """Make calls, numbered from `first`; return the seconds of processor of one."""
        before = self.server.processor
        load.put(Order(self.server.address, [self.request], _CLIENTS, _CALLS, first))
        return (self.server.processor - before) / _CALLS


def measure(turns: int) -> Taken:
    """Make all calls in so many turns."""
    taken = {name: list[float]() for name in (BARE, *CALLS)}
    for begun in range(0, turns, _TURNS_OF_A_SERVER):
        _measure(min(_TURNS_OF_A_SERVER, turns - begun), taken)
    return taken


def _measure(turns: int, taken: Mapping[str, list[float]]) -> None:
    """Start both servers and make all calls in so many turns."""
    numbers = count(0, _CALLS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        theirs, mine = bare("http"), ours_over_http()
        their_server = stack.enter_context(theirs.serve(folder / "bare.db"))
        our_server = stack.enter_context(mine.serve(folder / "ours.db"))
        sides = {BARE: Side(their_server, wire.modern(theirs.tool, theirs.ticket(PLACE)))}
        sides |= {tool: Side(our_server, wire.modern(tool, told)) for tool, told in CALLS.items()}
        _furnish(our_server)
        for side in sides.values():
            side.call(next(numbers))  # or the first turn would pay for starting
        for _ in range(turns):
            for name in shuffled([*sides]):
                taken[name].append(sides[name].call(next(numbers)))


def _furnish(server: Served) -> None:
    filed = wire.modern("create_ticket", {**_NEW, "title": f"Furniture {PLACE}"})
    load.put(Order(server.address, [filed], clients=1, calls=TICKETS, first=0))
    proposed = [
        wire.modern("suggest_close", {"ticket": ticket, "evidence": "Merged and released."})
        for ticket in range(1, SUGGESTIONS + 1)
    ]
    load.put(Order(server.address, proposed, clients=1, calls=SUGGESTIONS, first=0))


def quickest(turns: Sequence[float]) -> float:
    """Return the mean of the quickest quarter."""
    return statistics.mean(sorted(turns)[: max(1, len(turns) // 4)])


def ratios(taken: Taken) -> dict[str, float]:
    """Return what each of our calls costs beside the bare server's."""
    return {name: round(quickest(taken[name]) / quickest(taken[BARE]), 2) for name in CALLS}


def grown(kept: Mapping[str, float], measured: Mapping[str, float]) -> list[str]:
    """Return the calls that cost too much more than is kept, or of which nothing is kept."""
    return [name for name, ratio in measured.items() if ratio > kept.get(name, 0) * GROWTH]


def table(taken: Taken, kept: Mapping[str, float], measured: Mapping[str, float]) -> str:
    too_much = grown(kept, measured)
    rows = [
        [
            name,
            milliseconds(quickest(taken[name])),
            f"{ratio:.2f} ×",
            f"≤ {kept.get(name, 0) * GROWTH:.2f} ×",
            verdict(name not in too_much),
        ]
        for name, ratio in measured.items()
    ]
    alone = milliseconds(quickest(taken[BARE]))
    head = ["processor of a call over HTTP", "ms", f"beside {BARE}'s create", "kept + 15 %", "met"]
    return markdown(head, [[BARE, alone, "1 ×", "", ""], *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processor", description=__doc__)
    parser.add_argument("--turns", type=int, default=20, help="how many turns (default: 20)")
    parser.add_argument("--write", action="store_true", help="keep what is measured from now on")
    options = parser.parse_args(arguments)
    taken = measure(options.turns)
    measured = ratios(taken)
    if options.write:
        KEPT.write_text(json.dumps(measured, indent=2) + "\n")
    kept: dict[str, float] = json.loads(KEPT.read_text())
    print(table(taken, kept, measured))
    return 1 if grown(kept, measured) else 0


if __name__ == "__main__":
    sys.exit(main())
