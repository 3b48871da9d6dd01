"""mcp-handoff beside a bare SDK server over stdio: every start and every call in turn.

Both are compiled before, as an installed wheel is.
"""

import compileall
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contenders import ROOT, Contender, bare, ours
from benchmarks.pipes import Server
from benchmarks.table import markdown, verdict
from benchmarks.turns import growth, shuffled, timing

CREATE_RATIO = 1.3
START_RATIO = 1.15
MORE_MEGABYTES = 20
LIST_BYTES = 12_000

_HEAD = ["over stdio", "bare SDK server", "mcp-handoff", "compared", "target", "met"]
_MEGABYTE = 1_000_000


def compare(rounds: int, calls: int, starts: int) -> str:
    """Measure both servers and return the table."""
    for package in ("mcp_handoff", "benchmarks"):
        compileall.compile_dir(ROOT / package, quiet=1)
    both = (bare(), ours())
    for number in range(max(rounds, starts)):
        _round(shuffled(both), calls if number < rounds else 0)
    return markdown(_HEAD, list(_rows(*both, calls)))


def _round(contenders: Sequence[Contender], calls: int) -> None:
    """Start all on fresh stores, then have each file as many tickets."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        started = [
            (contender, stack.enter_context(contender.start(folder / f"{index}.db")))
            for index, contender in enumerate(contenders)
        ]
        if calls:
            _create_in_turn(started, calls)


def _create_in_turn(started: Sequence[tuple[Contender, Server]], calls: int) -> None:
    for number in range(calls):
        for contender, server in shuffled(started):
            contender.creates.append(contender.create(server, number))
    for contender, server in started:
        contender.resident.append(server.resident)


def _rows(bare: Contender, ours: Contender, calls: int) -> Iterator[list[str]]:
    yield _times("create_ticket, ms", bare.creates, ours.creates, CREATE_RATIO)
    yield _times("start to tools/list, ms", bare.starts, ours.starts, START_RATIO)
    yield _memory(f"resident after {calls} creates, MB", bare.memory, ours.memory)
    yield ["tools", str(len(bare.tools)), str(len(ours.tools)), "", "", ""]
    yield _list_bytes(_compact(bare), _compact(ours))


def _times(name: str, bare: Sequence[float], ours: Sequence[float], most: float) -> list[str]:
    ratio = growth(bare, ours)
    times = [str(timing(bare)), str(timing(ours))]
    return [name, *times, f"{ratio:.2f} ×", f"≤ {most} ×", verdict(ratio <= most)]


def _memory(name: str, bare: float, ours: float) -> list[str]:
    bare, ours = bare / _MEGABYTE, ours / _MEGABYTE
    met = verdict(ours - bare <= MORE_MEGABYTES)
    return [name, f"{bare:.1f}", f"{ours:.1f}", f"{ours - bare:+.1f}", f"≤ +{MORE_MEGABYTES}", met]


def _list_bytes(bare: int, ours: int) -> list[str]:
    more, met = ours - bare, verdict(ours < LIST_BYTES)
    return ["tools/list, bytes", f"{bare:,}", f"{ours:,}", f"{more:+,}", f"< {LIST_BYTES:,}", met]


def _compact(contender: Contender) -> int:
    return len(json.dumps(contender.tools, separators=(",", ":"), ensure_ascii=False).encode())
