"""mcp-handoff beside a bare SDK server over HTTP, and its REST beside its own MCP, in turn."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
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
from tests.http.served import make_project, make_token

LOAD_SHARE = 0.7
"""A load generator that is busy for longer than this would measure itself."""

_UNREACHED = "999999999"
"""A rate limit, in calls a minute, that counts every call and refuses none."""

_HEAD = ["creates over HTTP", "beside it", "mcp-handoff", "compared", "target", "met"]


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
class Pair:
    """Two sides with so many clients each, and the least that ours is to do beside the other."""

    name: str
    clients: int
    base: Side
    ours: Side
    least: float

    def row(self) -> list[str]:
        ratio = growth(self.base.rates(self.clients), self.ours.rates(self.clients))
        figures = [side.figures(self.clients) for side in (self.base, self.ours)]
        target, met = f"≥ {self.least} ×", verdict(ratio >= self.least)
        return [self.name, *figures, f"{ratio:.2f} ×", target, met]


def compare(turns: int, calls: int) -> str:
    """Put so many loads of so many calls on all sides and return the table."""
    with ExitStack() as stack:
        pairs = _pairs(stack, Path(stack.enter_context(TemporaryDirectory())))
        numbers = count(0, calls)
        for side in _sides(pairs):
            side.file(1, calls, next(numbers))  # or the first would pay for starting
        for clients in sorted({pair.clients for pair in pairs}) * turns:
            for side in shuffled(_sides([pair for pair in pairs if pair.clients == clients])):
                side.loads[clients].append(side.file(clients, calls, next(numbers)))
    return markdown(_HEAD, [*(pair.row() for pair in pairs), _shares(pairs)])


def _pairs(stack: ExitStack, folder: Path) -> list[Pair]:
    """Start the servers and return what is compared."""
    guarded = folder / "guarded.db"
    make_project(guarded, PROJECT)
    token = make_token(guarded, "bench", "bot")
    theirs, mine = bare("http"), ours_over_http()
    limited = ours_over_http(HANDOFF_RATE_LIMIT=_UNREACHED)
    their_server = stack.enter_context(theirs.serve(folder / "bare.db"))
    our_server = stack.enter_context(mine.serve(folder / "ours.db"))
    guarded_server = stack.enter_context(limited.serve(guarded))
    sdk, own = _modern(theirs, their_server), _modern(mine, our_server)
    with_token = _modern(limited, guarded_server, token)
    sessions = _in_session(theirs, their_server), _in_session(mine, our_server)
    rest = _rest(mine, our_server)
    return [
        Pair("1 client", 1, sdk, own, 1),
        Pair("8 clients", 8, sdk, own, 1.7),
        Pair("32 clients", 32, sdk, own, 2.1),
        Pair("32 clients, with a token and a rate limit", 32, sdk, with_token, 1.5),
        Pair(f"32 clients, {wire.HANDSHAKE}", 32, *sessions, 1.3),
        Pair("1 client, REST beside our MCP", 1, own, rest, 0.9),
        Pair("32 clients, REST beside our MCP", 32, own, rest, 0.9),
    ]


def _sides(pairs: Sequence[Pair]) -> list[Side]:
    """Return each side once."""
    return [*{id(side): side for pair in pairs for side in (pair.base, pair.ours)}.values()]


def _modern(contender: Contender, server: Served, token: str = "") -> Side:
    return Side(server, wire.modern("create_ticket", contender.ticket(PLACE), token))


def _in_session(contender: Contender, server: Served) -> Side:
    session = wire.open_session(server.address)
    return Side(server, wire.handshake("create_ticket", contender.ticket(PLACE), session))


def _rest(contender: Contender, server: Served) -> Side:
    ticket = {**contender.ticket(PLACE), "priority": "medium", "blocking": False}
    return Side(server, wire.post(f"/api/projects/{PROJECT}/tickets", ticket, {}))


def _shares(pairs: Sequence[Pair]) -> list[str]:
    base, ours = (
        max(side.share() for side in sides)
        for sides in zip(*((pair.base, pair.ours) for pair in pairs), strict=True)
    )
    met = verdict(max(base, ours) <= LOAD_SHARE)
    shares = [f"{base:.0%}", f"{ours:.0%}", ""]
    return ["load generator, of a core", *shares, f"≤ {LOAD_SHARE:.0%}", met]
