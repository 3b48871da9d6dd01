"""What creates on PostgreSQL wait for, simulated: processors, the lock of a project, the log on
disk. Begins with what a create costs here (`benchmarks.create_costs`), is checked against runs
that can be made here, and tells what cannot: ten thousand creates a second.

`python -m benchmarks.simulation` prints all of it.
"""

import argparse
import asyncio
import math
import os
import statistics
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import simpy

from benchmarks import create_costs
from benchmarks.create_costs import Costs
from benchmarks.filer_process import TASKS
from benchmarks.machine import facts
from benchmarks.replicas import RATIOS, Case, filed
from benchmarks.table import markdown, milliseconds
from mcp_handoff.postgres.database import CONNECTIONS
from tests.clusters import binaries, cluster

WANTED = 10_000
"""The creates a second that it is about."""

DATABASE_CORES = 16
PROCESSES = 32
"""The machine and the servers of one database in what is told of large ones; each server has a core
of its own."""

PROJECTS = (1, 32, 1_000)

_SECONDS = 1.5
_WARM = 0.5
"""How long is simulated, and how much of it is not counted."""

Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Setting:
    """Who files where: so many processes of `TASKS` tasks in so many projects of one database.

    Without `server_cores` processes and database share the `database_cores`.
    """

    case: Case
    database_cores: int
    server_cores: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Creates a second, the seconds that one took (p50), and how busy the cores of the database
    and its log were."""

    rate: float
    taken: float
    database: float
    log: float


class Simulation:
    """Tasks that file one ticket after the other, each in a project that is drawn.

    A process runs one thread at a time (its interpreter's lock) and holds so many connections. The
    log is written for all at once that wait when a write begins, as PostgreSQL does.
    """

    def __init__(self, costs: Costs, setting: Setting) -> None:
        self._costs = costs
        self._env = env = simpy.Environment()
        self._random = Random(1)
        self._cores = simpy.Resource(env, setting.database_cores)
        apart = setting.server_cores
        self._server_cores = simpy.Resource(env, apart) if apart else self._cores
        self._projects = [simpy.Resource(env) for _ in range(setting.case.projects)]
        self._interpreters = [simpy.Resource(env) for _ in range(setting.case.processes)]
        self._next_write: simpy.Event | None = None
        self._is_writing = False
        self._taken: list[float] = []
        self._worked = self._written = 0.0
        self._database_cores = setting.database_cores

    def run(self) -> Outcome:
        for interpreter in self._interpreters:
            connections = simpy.Resource(self._env, CONNECTIONS - 1)
            for _ in range(TASKS):
                self._env.process(self._file(interpreter, connections))
        self._env.run(_WARM)
        self._taken.clear()
        self._worked = self._written = 0.0
        self._env.run(_WARM + _SECONDS)
        return Outcome(
            rate=len(self._taken) / _SECONDS,
            taken=statistics.median(self._taken),
            database=self._worked / _SECONDS / self._database_cores,
            log=self._written / _SECONDS,
        )

    def _file(self, interpreter: simpy.Resource, connections: simpy.Resource) -> Steps:
        inside = self._costs.inside
        while True:
            begun = self._env.now
            with (connection := connections.request()):
                yield connection
                yield from self._work(interpreter, 1 - inside)
                with (lock := self._random.choice(self._projects).request()):
                    yield lock
                    yield from self._work(interpreter, inside)
                    yield self._write()
            self._taken.append(self._env.now - begun)
            for other in self._interpreters:
                if other is not interpreter:
                    self._env.process(self._run(other, self._costs.heard))

    def _work(self, interpreter: simpy.Resource, share: float) -> Steps:
        """Do a share of a create's work: in its process, in the database, and on the way."""
        yield from self._run(interpreter, self._costs.python * share)
        with (core := self._cores.request()):
            yield core
            seconds = self._costs.database * share
            yield self._env.timeout(seconds)
            self._worked += seconds
        yield self._env.timeout(self._costs.waiting * share)

    def _run(self, interpreter: simpy.Resource, seconds: float) -> Steps:
        with (turn := interpreter.request()):
            yield turn
            with (core := self._server_cores.request()):
                yield core
                yield self._env.timeout(seconds)

    def _write(self) -> simpy.Event:
        """Return when the log is on disk with what was committed until now."""
        if self._next_write is None:
            self._next_write = self._env.event()
        if not self._is_writing:
            self._is_writing = True
            self._env.process(self._write_log())
        return self._next_write

    def _write_log(self) -> Steps:
        while (written := self._next_write) is not None:
            self._next_write = None
            yield self._env.timeout(self._costs.commit)
            self._written += self._costs.commit
            written.succeed()
        self._is_writing = False


def compare(turns: int, seconds: int) -> str:
    """Measure, simulate and return the tables; a line where there is no PostgreSQL."""
    if binaries() is None:
        return "PostgreSQL is not installed here, so nothing was measured on it."
    with cluster() as server:
        filed(server.url, Case(1, max(case.projects for case in RATIOS)), seconds=0)
        costs = asyncio.run(create_costs.measure(server))
        measured = {
            case: statistics.median(filed(server.url, case, seconds) for _ in range(turns))
            for case in RATIOS
        }
    served = replace(costs, python=costs.served, whole=costs.whole + costs.served - costs.python)
    large = {
        (projects, heard): Simulation(
            served if heard else replace(served, heard=0.0),
            Setting(Case(PROCESSES, projects), DATABASE_CORES, PROCESSES),
        ).run()
        for projects in PROJECTS
        for heard in (True, False)
    }
    tables = [
        markdown(["of a create, with nobody beside it", "ms"], _costs(costs)),
        markdown(_CHECKED, [*_checked(costs, measured)]),
        markdown(_LARGE, [_large(*key, outcome) for key, outcome in large.items()]),
        markdown(_NEEDED, _needed(costs, large[max(PROJECTS), False])),
    ]
    return "\n\n".join(tables)


_CHECKED = ["creates a second here", "measured", "simulated", "error"]
_LARGE = [
    f"one database of {DATABASE_CORES} cores, {PROCESSES} servers, simulated",
    "creates a second",
    "ms",
    "its cores busy",
    "its log busy",
]
_NEEDED = [f"{WANTED:,} creates a second", "needed"]


def _costs(costs: Costs) -> list[list[str]]:
    told = {
        "whole, from the call of the store": costs.whole,
        "processor, Python": costs.python,
        "processor, PostgreSQL": costs.database,
        "COMMIT": costs.commit,
        "round trips and waking": costs.waiting,
        "its project is locked": costs.locked,
        "processor of each other server, to hear of it": costs.heard,
        "processor of a server, over HTTP": costs.served,
    }
    return [[name, milliseconds(seconds)] for name, seconds in told.items()]


def _checked(costs: Costs, measured: Mapping[Case, float]) -> Iterator[list[str]]:
    for case, rate in measured.items():
        simulated = Simulation(costs, Setting(case, os.cpu_count() or 1)).run().rate
        yield [str(case), f"{rate:,.0f}", f"{simulated:,.0f}", f"{simulated / rate - 1:+.0%}"]


def _large(projects: int, heard: bool, outcome: Outcome) -> list[str]:
    name = f"{projects:,} project{'s' if projects > 1 else ''}"
    return [
        f"{name}, every server hears of all" if heard else f"{name}, each hears of its own",
        f"{outcome.rate:,.0f}",
        milliseconds(outcome.taken),
        f"{outcome.database:.0%}",
        f"{outcome.log:.0%}",
    ]


def _needed(costs: Costs, of_one: Outcome) -> list[list[str]]:
    databases = math.ceil(WANTED / of_one.rate)
    connections = PROCESSES * (CONNECTIONS + 2)  # a server listens and announces on its own
    return [
        ["projects at least, evenly used", f"{math.ceil(WANTED * costs.locked):,}"],
        ["cores of servers", f"{math.ceil(WANTED * costs.served):,}"],
        ["… and to hear of all, in each server", f"{WANTED * costs.heard:.1f}"],
        ["cores of PostgreSQL", f"{math.ceil(WANTED * costs.database):,}"],
        ["databases as the one above", f"{databases:,}"],
        ["connections of each", f"{connections:,}"],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="how often each case is run here")
    parser.add_argument("--seconds", type=int, default=3, help="for how long each time")
    options = parser.parse_args()
    print(f"Measured on {facts()}.\n\n{compare(options.turns, options.seconds)}")


if __name__ == "__main__":
    main()
