"""Processes that file tickets in one project of one PostgreSQL, beside pgbench with their SQL."""

import re
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.filer_process import TASKS
from benchmarks.table import markdown, verdict
from benchmarks.turns import shuffled
from tests.clusters import binaries, cluster

PROCESSES = (1, 2, 4)
RATIO = 0.5

_SCRIPT = Path(__file__).with_name("create.pgbench")
_HEAD = [
    f"creates a second on PostgreSQL, {TASKS} at once in each process",
    "pgbench",
    "mcp-handoff",
    "compared",
    "target",
    "met",
]


def compare(turns: int, seconds: int) -> str:
    """Let both write in turn and return the table, or a line where PostgreSQL is missing."""
    if binaries() is None:
        return "PostgreSQL is not installed here, so nothing was measured on it."
    with cluster() as server:
        _filed(server.url, processes=1, seconds=0)  # makes the schema and the project
        return markdown(_HEAD, [_row(server.url, count, turns, seconds) for count in PROCESSES])


def _row(url: str, processes: int, turns: int, seconds: int) -> list[str]:
    rates: dict[str, list[float]] = {"pgbench": [], "ours": []}
    sides = {"pgbench": _pgbench, "ours": _ours}
    for _ in range(turns):
        for name in shuffled([*sides]):
            rates[name].append(sides[name](url, processes, seconds))
    ratio = statistics.median(map(float.__truediv__, rates["ours"], rates["pgbench"]))
    return [
        f"{processes} process{'es' if processes > 1 else ''}",
        *(f"{statistics.median(rates[name]):,.0f}" for name in sides),
        f"{ratio:.2f} ×",
        f"≥ {RATIO} ×",
        verdict(ratio >= RATIO),
    ]


def _ours(url: str, processes: int, seconds: int) -> float:
    return _filed(url, processes, seconds) / seconds


def _filed(url: str, processes: int, seconds: int) -> int:
    """Return how many tickets the processes filed."""
    with ExitStack() as stack:
        filers = [stack.enter_context(_filer(url, number, seconds)) for number in range(processes)]
        for filer in filers:
            _line(filer)
        for filer in filers:
            assert filer.stdin is not None
            filer.stdin.write("\n")
            filer.stdin.flush()
        return sum(int(_line(filer)) for filer in filers)


def _filer(url: str, number: int, seconds: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.filer_process", url, str(number), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(filer: subprocess.Popen[str]) -> str:
    assert filer.stdout is not None
    return filer.stdout.readline()


def _pgbench(url: str, processes: int, seconds: int) -> float:
    """Return the transactions a second of pgbench with as many threads and connections."""
    folder = binaries()
    assert folder is not None
    load = f"-c {processes * TASKS} -j {processes} -T {seconds}".split()
    ran = subprocess.run(
        [folder / "pgbench", "-n", "-M", "prepared", "-f", _SCRIPT, *load, url],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"tps = ([\d.]+)", ran.stdout)
    assert found, ran.stdout
    return float(found[1])
