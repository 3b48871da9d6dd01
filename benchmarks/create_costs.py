"""What a create on PostgreSQL costs, measured part by part: what `benchmarks.simulation` begins
with."""

import asyncio
import re
import statistics
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

from benchmarks import load, wire
from benchmarks.contenders import ours_over_http
from benchmarks.filer_process import file_ticket, hear
from benchmarks.load import PLACE, Order
from benchmarks.machine import processor_time
from benchmarks.replicas import Case, filed
from mcp_handoff.actors import Caller, bot
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests.clusters import Cluster

CREATES = 300

_CALLER = Caller(bot("costs"), project="costs")
_RECORDS = re.compile(r"\n(?=\d+\.\d+ \d+ )")
_EXECUTED = re.compile(
    r"^(\d+\.\d+) (\d+) LOG: +duration: ([\d.]+) ms +execute [^:]*: (.*)", re.DOTALL
)
_LOCK = re.compile(r"UPDATE\s+projects|FROM\s+projects\b.*\bFOR\s+(NO KEY )?UPDATE", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Costs:
    """The seconds of a create, with nobody beside it."""

    whole: float
    """From the call of the store to its return."""

    python: float
    """Of processor, in the process that files."""

    database: float
    """Of processor, in all processes of the database."""

    commit: float
    """Of its COMMIT, which waits for the log to be on disk."""

    locked: float
    """From the lock of its project until that is committed."""

    heard: float
    """Of processor, in each other process that hears of it."""

    served: float
    """Of processor, in a server that is asked for it over HTTP."""

    @property
    def inside(self) -> float:
        """The share of what comes before the COMMIT that is done with the project locked."""
        before = self.whole - self.commit
        return min(1.0, max(0.0, self.locked - self.commit) / before) if before else 0.0

    @property
    def waiting(self) -> float:
        """What is neither work nor the COMMIT: round trips, and threads that are woken."""
        return max(0.0, self.whole - self.python - self.database - self.commit)


async def measure(server: Cluster) -> Costs:
    """File tickets one after the other and take the times apart."""
    async with _opened(server) as backend:
        numbers = count()
        await _file(backend, numbers)  # or the first would pay for connections and plans
        before = _processor_of(server)
        busy = time.process_time()
        whole = await _file(backend, numbers)
        python = (time.process_time() - busy) / CREATES
        database = (_processor_of(server) - before) / CREATES
        commit, locked = (whole * share for share in await _logged(server, backend, numbers))
    return Costs(
        whole=whole,
        python=python,
        database=database,
        commit=commit,
        locked=locked,
        heard=await _heard(server),
        served=_served(server),
    )


@asynccontextmanager
async def _opened(server: Cluster) -> AsyncGenerator[StoreBackend]:
    """Yield a store that hears of what is written, as those of servers do."""
    backend = StoreBackend(PostgresDatabase.open(server.url))
    async with backend.changes() as changes:
        hearing = asyncio.create_task(hear(changes))
        yield backend
        hearing.cancel()
    await backend.close()


async def _file(backend: StoreBackend, numbers: "count[int]") -> float:
    """File tickets one after the other and return the seconds of one (the median)."""
    taken = list[float]()
    for _ in range(CREATES):
        begun = time.perf_counter()
        await file_ticket(backend, _CALLER, f"{next(numbers)}")
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _processor_of(server: Cluster) -> float:
    return sum(processor_time(process.pid) for process in server.processes)


async def _logged(
    server: Cluster, backend: StoreBackend, numbers: "count[int]"
) -> tuple[float, float]:
    """Return which part of a create its COMMIT is, and for which part the project is locked, by
    what the server logs, which itself takes time."""
    _configure(server, log_min_duration_statement="0", log_line_prefix="%n %p ")
    whole = await _file(backend, numbers)
    _configure(server, log_min_duration_statement="-1")
    locked_since, commits, locks = dict[str, float](), list[float](), list[float]()
    for record in _RECORDS.split(server.log.read_text()):
        if not (found := _EXECUTED.match(record)):
            continue
        ended, process, milliseconds, statement = found.groups()
        duration = float(milliseconds) / 1000
        if _LOCK.search(statement):
            locked_since.setdefault(process, float(ended) - duration)
        elif statement.startswith("COMMIT") and process in locked_since:
            locks.append(float(ended) - locked_since.pop(process))
            commits.append(duration)
    assert locks, "no create locked its project by what the log says"
    return statistics.median(commits) / whole, statistics.median(locks) / whole


def _configure(server: Cluster, **settings: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        for name, value in {**settings, "log_parameter_max_length": "0"}.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        connection.execute("SELECT pg_reload_conf()")


async def _heard(server: Cluster) -> float:
    """Return what a change costs in a process that only hears of it."""
    async with _opened(server):
        busy, case, seconds = time.process_time(), Case(1, 1), 3
        rate = await asyncio.to_thread(filed, server.url, case, seconds)
        return (time.process_time() - busy) / (rate * seconds)


def _served(server: Cluster) -> float:
    contender = ours_over_http(HANDOFF_BACKEND=server.url)
    request = wire.modern(contender.tool, contender.ticket(PLACE))
    with contender.serve(Path()) as served:
        load.put(Order(served.address, [request], clients=4, calls=CREATES, first=0))
        before = served.processor
        load.put(Order(served.address, [request], clients=4, calls=CREATES, first=CREATES))
        return (served.processor - before) / CREATES
