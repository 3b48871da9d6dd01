"""Processes that file tickets in PostgreSQL and hear of each other's, in one project and in many,
beside pgbench with the SQL that a create was when the targets were set."""

import re
import statistics
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.filer_process import TASKS
from benchmarks.table import markdown, verdict
from benchmarks.turns import shuffled
from tests.clusters import binaries, cluster

_SCRIPT = Path(__file__).with_name("create.pgbench")
_HEAD = [
    f"creates a second on PostgreSQL, {TASKS} at once in each process",
    "pgbench",
    "mcp-handoff",
    "compared",
    "target",
    "met",
]


@dataclass(frozen=True, slots=True)
class Case:
    """So many processes in so many projects."""

    processes: int
    projects: int

    def __str__(self) -> str:
        processes = "processes" if self.processes > 1 else "process"
        projects = "projects" if self.projects > 1 else "project"
        return f"{self.processes} {processes}, {self.projects} {projects}"


RATIOS: Mapping[Case, float] = {
    Case(1, 1): 0.86,
    Case(2, 1): 0.88,
    Case(4, 1): 1.36,
    Case(4, 32): 0.76,
}
"""What is aimed at beside pgbench: twice of what it was when the targets were set."""


def compare(turns: int, seconds: int) -> str:
    """Let both write in turn and return the table, or a line where PostgreSQL is missing."""
    if binaries() is None:
        return "PostgreSQL is not installed here, so nothing was measured on it."
    with cluster() as server:
        # Makes the schema and the projects.
        filed(server.url, Case(1, max(case.projects for case in RATIOS)), seconds=0)
        return markdown(_HEAD, [_row(server.url, case, turns, seconds) for case in RATIOS])


def _row(url: str, case: Case, turns: int, seconds: int) -> list[str]:
    rates: dict[str, list[float]] = {"pgbench": [], "ours": []}
    for _ in range(turns):
        for name in shuffled([*rates]):
            rate = _pgbench(url, case, seconds) if name == "pgbench" else filed(url, case, seconds)
            rates[name].append(rate)
    ratio = statistics.median(map(float.__truediv__, rates["ours"], rates["pgbench"]))
    target = RATIOS[case]
    return [
        str(case),
        *(f"{statistics.median(taken):,.0f}" for taken in rates.values()),
        f"{ratio:.2f} ×",
        f"≥ {target} ×",
        verdict(ratio >= target),
    ]


def filed(url: str, case: Case, seconds: int) -> float:
    """Return how many tickets the processes filed a second."""
    with ExitStack() as stack:
        filers = [
            stack.enter_context(_filer(url, number, case.projects, seconds))
            for number in range(case.processes)
        ]
        for filer in filers:
            _line(filer)
        for filer in filers:
            assert filer.stdin is not None
            filer.stdin.write("\n")
            filer.stdin.flush()
        return sum(int(_line(filer)) for filer in filers) / max(seconds, 1)


def _filer(url: str, number: int, projects: int, seconds: int) -> subprocess.Popen[str]:
    told = [url, str(number), str(projects), str(seconds)]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.filer_process", *told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(filer: subprocess.Popen[str]) -> str:
    assert filer.stdout is not None
    return filer.stdout.readline()


def _pgbench(url: str, case: Case, seconds: int) -> float:
    """Return the transactions a second of pgbench with as many threads and connections."""
    folder = binaries()
    assert folder is not None
    load = f"-c {case.processes * TASKS} -j {case.processes} -T {seconds}".split()
    load += ["-D", f"projects={case.projects}"]
    ran = subprocess.run(
        [folder / "pgbench", "-n", "-M", "prepared", "-f", _SCRIPT, *load, url],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"tps = ([\d.]+)", ran.stdout)
    assert found, ran.stdout
    return float(found[1])
