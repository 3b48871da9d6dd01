"""Many listen streams on several servers of one store: how late each hears of a change, and what it
costs the write and the calls beside.

Beside them stand as many servers on a store of their own that nobody listens to; each write goes to
both in turn. `python -m benchmarks.subscribers` measures these alone.
"""

import argparse
import json
import socket
import statistics
import subprocess
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from itertools import count, cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import wire
from benchmarks.contenders import PROJECT, ours_over_http, python
from benchmarks.load import PLACE
from benchmarks.machine import facts
from benchmarks.served import Served
from benchmarks.table import markdown, milliseconds, verdict
from benchmarks.turns import shuffled, timing
from tests.clusters import binaries, cluster

HEARD_SECONDS = 0.2
"""Within what time a change reaches those that it concerns (p99)."""

MORE_SECONDS = 0.0001
"""What it may cost the write."""

SHARE = 100
"""One in so many streams watches a ticket of its own kind; the others all watch another."""

PROCESSES = 4
STORES = ("sqlite", "postgresql")


@dataclass(slots=True)
class Write:
    """A write, whom it concerns, and the seconds that it took on either side.

    `late` are the seconds from its start until each heard, and `beside` what creates took that
    were called until all had heard.
    """

    name: str
    request: str
    hearers: int = 0
    alone: list[float] = field(default_factory=list[float])
    crowded: list[float] = field(default_factory=list[float])
    late: list[float] = field(default_factory=list[float])
    beside: list[float] = field(default_factory=list[float])


class Side:
    """Servers on one store, called in turn, each over a connection that is kept."""

    def __init__(self, servers: Sequence[Served]) -> None:
        self.servers = servers
        self._connections: Iterator[socket.socket] = iter(())
        self._numbers = count()

    def connect(self) -> None:
        """Connect, or anew after a silence that ends connections."""
        self._connections = cycle([socket.create_connection(one.address) for one in self.servers])

    def call(self, request: str) -> float:
        """Send a request like no other to the next server; return the seconds that it took."""
        connection = next(self._connections)
        sent = request.replace(PLACE, f"{next(self._numbers):09}").encode()
        begun = time.perf_counter()
        connection.sendall(sent)
        with HTTPResponse(connection) as response:
            response.begin()
            answer = response.read()
        taken = time.perf_counter() - begun
        if response.status != 200 or b'"isError":true' in answer:
            raise RuntimeError(answer)
        return taken

    @property
    def resident(self) -> int:
        return sum(server.resident for server in self.servers)


class Listeners:
    """A process with open streams, which ends with its block: `benchmarks.listener_process`."""

    def __init__(self, streams: Sequence[tuple[wire.Address, str]]) -> None:
        self._reading = ThreadPoolExecutor(1)
        self._process = subprocess.Popen(
            python("benchmarks.listener_process"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask(json.dumps(streams))

    def listen(self, hearers: int) -> Future[list[float]]:
        """Wait for so many to hear; return the moments at which they will have."""
        self._ask(str(hearers))
        return self._reading.submit(lambda: json.loads(self._line()))

    def __enter__(self) -> "Listeners":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reading.shutdown()

    def _ask(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        if not self._line():
            raise RuntimeError("the streams can't be opened")

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def compare(store: str, streams: int, processes: int, changes: int) -> str:
    """Open so many streams, write and return the table; a line where there is no PostgreSQL."""
    if store == "postgresql" and binaries() is None:
        return "PostgreSQL is not installed here, so nothing was measured on it."
    few = max(1, streams // SHARE)
    filed = wire.modern("create_ticket", ours_over_http().ticket(PLACE))
    nobody = Write("a write that concerns nobody", filed)
    some = Write(f"one that concerns {few:,}", _said_of(1), few)
    most = Write(f"one that concerns the other {streams - few:,}", _said_of(2), streams - few)
    with _served(store, processes) as alone, _served(store, processes) as crowded:
        for side in (alone, crowded):
            side.connect()
            for _ in range(2 * processes):  # the tickets that are watched, and all that is lazy
                side.call(filed)
        empty = crowded.resident
        with Listeners(_streams(crowded.servers, streams, few)) as listeners:
            each = (crowded.resident - empty) / streams
            alone.connect()
            crowded.connect()
            for write, turns in ((nobody, 10 * changes), (some, 5 * changes), (most, changes)):
                for _ in range(turns):
                    for side in shuffled([alone, crowded]):
                        if side is alone:
                            write.alone.append(side.call(write.request))
                        else:
                            _write_heard(write, side, listeners, filed)
    head = f"{streams:,} listen streams on {processes} processes, {store}, ms"
    columns = ["without them", "with them", "more", "heard after", "target", "met"]
    beside = _beside(nobody.alone, most.beside)
    rows = [_row(nobody), _row(some), _row(most), beside, _memory(each)]
    return markdown([head, *columns], rows)


def _write_heard(write: Write, side: Side, listeners: Listeners, filed: str) -> None:
    """Write, and file tickets beside until all have heard."""
    heard = listeners.listen(write.hearers) if write.hearers else None
    begun = time.perf_counter()
    write.crowded.append(side.call(write.request))
    if heard is None:
        return
    write.beside.append(side.call(filed))
    while not heard.done():
        write.beside.append(side.call(filed))
    write.late += [moment - begun for moment in heard.result()]


@contextmanager
def _served(store: str, processes: int) -> Generator[Side]:
    with ExitStack() as stack:
        settings = dict[str, str]()
        if store == "postgresql":
            settings["HANDOFF_BACKEND"] = stack.enter_context(cluster()).url
        file = Path(stack.enter_context(TemporaryDirectory())) / "handoff.db"
        contender = ours_over_http(**settings)
        yield Side([stack.enter_context(contender.serve(file)) for _ in range(processes)])


def _streams(servers: Sequence[Served], streams: int, few: int) -> list[tuple[wire.Address, str]]:
    """Return where each stream is opened, with its request: the few watch the first ticket, the
    others the second."""
    watched = [1 if number < few else 2 for number in range(streams)]
    requests = [wire.listen(f"handoff://tickets/HO-{ticket}-{PROJECT}") for ticket in watched]
    return [(server.address, request) for server, request in zip(cycle(servers), requests)]


def _said_of(ticket: int) -> str:
    return wire.modern("add_message", {"ticket": ticket, "body": f"Seen again, {PLACE} times."})


def _row(write: Write) -> list[str]:
    more = statistics.median(map(float.__sub__, write.crowded, write.alone))
    times = [str(timing(write.alone)), str(timing(write.crowded)), milliseconds(more)]
    target, met = f"< {milliseconds(MORE_SECONDS)} more", more < MORE_SECONDS
    late = ""
    if write.late:
        late, in_time = str(timing(write.late)), timing(write.late).p99 < HEARD_SECONDS
        target, met = f"{target}, heard < {milliseconds(HEARD_SECONDS)}", met and in_time
    return [write.name, *times, late, target, verdict(met)]


def _beside(alone: Sequence[float], beside: Sequence[float]) -> list[str]:
    times = [str(timing(alone)), str(timing(beside))]
    return ["create_ticket while these hear", *times, "", "", "", ""]


def _memory(each: float) -> list[str]:
    return ["a stream, KB of memory", "", f"{each / 1000:.0f}", "", "", "", ""]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.subscribers",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--store", choices=STORES, default=STORES[0], help="what the servers share")
    add("--streams", type=int, default=10_000, help="how many streams are open")
    add("--processes", type=int, default=PROCESSES, help="on how many servers")
    add("--changes", type=int, default=20, help="how many writes most of them hear")
    options = parser.parse_args()
    table = compare(options.store, options.streams, options.processes, options.changes)
    print(f"Measured on {facts()}.\n\n{table}")


if __name__ == "__main__":
    main()
