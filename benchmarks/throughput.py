"""mcp-handoff beside a bare SDK server over HTTP, and its own REST beside both: loads in turn."""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import load, wire
from benchmarks.contenders import PROJECT, Contender, bare, ours_over_http
from benchmarks.load import PLACE, Load, Order
from benchmarks.served import Served
from benchmarks.table import markdown, verdict
from benchmarks.turns import growth, shuffled, timing

CLIENTS = (1, 8, 32)
RATE_RATIO = 0.8
LOAD_SHARE = 0.7
"""A load generator that is busy for longer than this would measure itself."""

_HEAD = ["create_ticket over HTTP", "bare SDK server", "mcp-handoff", "compared", "its REST"]


@dataclass(slots=True)
class Side:
    """One way to file a ticket: a server, the request that does it, and its loads by clients."""

    server: Served
    request: str
    loads: defaultdict[int, list[Load]] = field(default_factory=lambda: defaultdict(list))

    def file(self, clients: int, calls: int, first: int) -> Load:
        """File as many tickets, numbered from `first`."""
        return load.put(Order(self.server.address, [self.request], clients, calls, first))

    def rates(self, clients: int) -> list[float]:
        return [one.rate for one in self.loads[clients]]

    def share(self) -> float:
        """The largest part of a core that the load generator took."""
        return max(one.share for loads in self.loads.values() for one in loads)

    def figures(self, clients: int) -> str:
        """Return the calls a second, and what a call took."""
        taken = timing([seconds for one in self.loads[clients] for seconds in one.calls])
        return f"{statistics.median(self.rates(clients)):,.0f}/s, {taken} ms"


@dataclass(frozen=True, slots=True)
class Sides:
    """All that are compared; the handshake revision with the most clients alone."""

    bare: Side
    ours: Side
    rest: Side
    bare_session: Side
    our_session: Side

    def at(self, clients: int) -> list[Side]:
        modern = [self.bare, self.ours, self.rest]
        return [*modern, self.bare_session, self.our_session] if clients == CLIENTS[-1] else modern

    def all(self) -> list[Side]:
        return self.at(CLIENTS[-1])


def compare(turns: int, calls: int) -> str:
    """Put so many loads of so many calls on all sides and return the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        sides = _serve(stack, folder)
        numbers = count(0, calls)
        for side in sides.all():
            side.file(CLIENTS[0], calls, next(numbers))  # or the first would pay for starting
        for clients in CLIENTS * turns:
            for side in shuffled(sides.at(clients)):
                side.loads[clients].append(side.file(clients, calls, next(numbers)))
    return markdown([*_HEAD, "target", "met"], list(_rows(sides)))


def _serve(stack: ExitStack, folder: Path) -> Sides:
    theirs, mine = bare("http"), ours_over_http()
    their_server = stack.enter_context(theirs.serve(folder / "bare.db"))
    our_server = stack.enter_context(mine.serve(folder / "ours.db"))
    return Sides(
        bare=_modern(theirs, their_server),
        ours=_modern(mine, our_server),
        rest=_rest(mine, our_server),
        bare_session=_in_session(theirs, their_server),
        our_session=_in_session(mine, our_server),
    )


def _modern(contender: Contender, server: Served) -> Side:
    return Side(server, wire.modern("create_ticket", contender.ticket(PLACE)))


def _in_session(contender: Contender, server: Served) -> Side:
    session = wire.open_session(server.address)
    return Side(server, wire.handshake("create_ticket", contender.ticket(PLACE), session))


def _rest(contender: Contender, server: Served) -> Side:
    ticket = {**contender.ticket(PLACE), "priority": "medium", "blocking": False}
    return Side(server, wire.post(f"/api/projects/{PROJECT}/tickets", ticket, {}))


def _rows(sides: Sides) -> Iterator[list[str]]:
    for clients in CLIENTS:
        named = f"{clients} {'clients' if clients > 1 else 'client'}"
        yield _row(named, clients, sides.bare, sides.ours, sides.rest.figures(clients))
    most = CLIENTS[-1]
    yield _row(f"{most} clients, {wire.HANDSHAKE}", most, sides.bare_session, sides.our_session)
    yield _shares(sides)


def _row(name: str, clients: int, bare: Side, ours: Side, rest: str = "") -> list[str]:
    ratio = growth(bare.rates(clients), ours.rates(clients))
    cells = [name, bare.figures(clients), ours.figures(clients), f"{ratio:.2f} ×", rest]
    if clients < CLIENTS[-1]:
        return [*cells, "", ""]
    return [*cells, f"≥ {RATE_RATIO} ×", verdict(ratio >= RATE_RATIO)]


def _shares(sides: Sides) -> list[str]:
    bare, ours = _largest(sides.bare, sides.bare_session), _largest(sides.ours, sides.our_session)
    rest = sides.rest.share()
    met = verdict(max(bare, ours, rest) <= LOAD_SHARE)
    cells = [f"{bare:.0%}", f"{ours:.0%}", "", f"{rest:.0%}"]
    return ["load generator, of a core", *cells, f"≤ {LOAD_SHARE:.0%}", met]


def _largest(*sides: Side) -> float:
    return max(side.share() for side in sides)
