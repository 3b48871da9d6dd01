"""mcp-handoff beside a bare SDK server over stdio: every start and every call in turn.

Both are compiled before, as an installed wheel is.
"""

import compileall
import json
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contenders import PROJECT, ROOT, Contender, bare, ours
from benchmarks.pipes import Server
from benchmarks.table import markdown, milliseconds, verdict
from benchmarks.turns import growth, shuffled, timing
from benchmarks.wire import ERAS
from tests.http.served import make_project

FIRST_ANSWER_RATIO, FIRST_ANSWER_SECONDS = 0.1, 0.06
FIRST_CREATE_RATIO = 0.4
CREATE_RATIO = 0.8
MEMORY_RATIO = 0.75
COMMAND_SECONDS = 0.15
LIST_BYTES = 12_000

COMMANDS = ("--version", "--help", "token list", "project list")

_HEAD = ["over stdio", "bare SDK server", "mcp-handoff", "compared", "target", "met"]
_MEGABYTE = 1_000_000


def compare(rounds: int, calls: int, starts: int) -> str:
    """Measure both servers and return the table."""
    for package in ("mcp_handoff", "benchmarks"):
        compileall.compile_dir(ROOT / package, quiet=1)
    both = (bare(), ours())
    for number in range(max(rounds, starts)):
        for era in ERAS:
            _round(shuffled(both), era, calls if number < rounds and era == ERAS[0] else 0)
    rows = [*_rows(*both, calls), *(_command(words, starts) for words in COMMANDS)]
    return markdown(_HEAD, rows)


def _round(contenders: Sequence[Contender], era: str, calls: int) -> None:
    """Start all on fresh stores, one after the other, then have each file as many tickets."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        started = list[tuple[Contender, Server]]()
        for index, contender in enumerate(contenders):
            server = stack.enter_context(contender.start(folder / f"{index}.db", era))
            contender.create_first(server, era)
            started.append((contender, server))
        if calls:
            create_in_turn(started, calls)


def create_in_turn(started: Sequence[tuple[Contender, Server]], calls: int) -> None:
    """Have each server file as many tickets, and take note of its memory then."""
    for number in range(1, calls + 1):
        for contender, server in shuffled(started):
            contender.creates.append(contender.create(server, number))
    for contender, server in started:
        contender.resident.append(server.resident)


def _rows(bare: Contender, ours: Contender, calls: int) -> Iterator[list[str]]:
    for era in ERAS:
        theirs, mine = bare.starts[era], ours.starts[era]
        first = theirs.first_answer, mine.first_answer
        yield _times(f"start to first answer, {era}, ms", *first, FIRST_ANSWER_RATIO, in_time=True)
        yield _times(f"start to tools/list, {era}, ms", theirs.tools, mine.tools)
        creates = theirs.first_create, mine.first_create
        yield _times(f"start to first create, {era}, ms", *creates, FIRST_CREATE_RATIO)
    yield _times("create_ticket, ms", bare.creates, ours.creates, CREATE_RATIO)
    yield _memory(f"resident after {calls} creates, MB", bare.memory, ours.memory)
    yield ["tools", str(len(bare.tools)), str(len(ours.tools)), "", "", ""]
    yield _list_bytes(list_bytes(bare), list_bytes(ours))


def _times(
    name: str,
    bare: Sequence[float],
    ours: Sequence[float],
    most: float | None = None,
    *,
    in_time: bool = False,
) -> list[str]:
    """Return a row; `most` is the ratio that is aimed at, and `in_time` adds that of a first
    answer."""
    ratio, times = growth(bare, ours), [str(timing(bare)), str(timing(ours))]
    if most is None:
        return [name, *times, f"{ratio:.2f} ×", "", ""]
    target, met = f"≤ {most} ×", ratio <= most
    if in_time:
        target = f"{target}, < {milliseconds(FIRST_ANSWER_SECONDS)}"
        met = met and timing(ours).p50 < FIRST_ANSWER_SECONDS
    return [name, *times, f"{ratio:.2f} ×", target, verdict(met)]


def _memory(name: str, bare: float, ours: float) -> list[str]:
    ratio = ours / bare
    sizes = [f"{size / _MEGABYTE:.1f}" for size in (bare, ours)]
    return [name, *sizes, f"{ratio:.2f} ×", f"≤ {MEMORY_RATIO} ×", verdict(ratio <= MEMORY_RATIO)]


def _list_bytes(bare: int, ours: int) -> list[str]:
    more, met = ours - bare, verdict(ours < LIST_BYTES)
    return ["tools/list, bytes", f"{bare:,}", f"{ours:,}", f"{more:+,}", f"< {LIST_BYTES:,}", met]


def list_bytes(contender: Contender) -> int:
    """Return the size of the list of a server's tools, without spaces."""
    return len(json.dumps(contender.tools, separators=(",", ":"), ensure_ascii=False).encode())


def _command(words: str, runs: int) -> list[str]:
    """Run a command of ours on a new store so often."""
    with TemporaryDirectory() as folder:
        store = Path(folder) / "handoff.db"
        make_project(store, PROJECT)
        command, environment = ours(*words.split()).invocation(store)
        taken = list[float]()
        for _ in range(runs):
            begun = time.perf_counter()
            subprocess.run(
                command, env=environment, stdout=subprocess.DEVNULL, check=True, cwd=ROOT
            )
            taken.append(time.perf_counter() - begun)
    met = verdict(statistics.median(taken) < COMMAND_SECONDS)
    target = f"< {milliseconds(COMMAND_SECONDS)}"
    return [f"mcp-handoff {words}, ms", "", str(timing(taken)), "", target, met]
