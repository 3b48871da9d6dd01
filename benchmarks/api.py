"""mcp-handoff over a backing API: beside a bare HTTP client that sends the same, and beside its own
store."""

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from benchmarks.contenders import PROJECT, ROOT, Contender, inherited, ours, python
from benchmarks.pipes import Server
from benchmarks.served import Served
from benchmarks.table import markdown, verdict
from benchmarks.turns import growth, shuffled, timing
from benchmarks.wire import MODERN

SHARE_MILLISECONDS = 1.5
START_RATIO = 1.05
"""No slower, within what two starts of the same server differ."""

_HEAD = ["over an API on loopback", "beside it", "mcp-handoff", "compared", "target", "met"]


@dataclass(slots=True)
class BareClient:
    """An HTTP client that files tickets at an API, and what it took."""

    http: httpx2.Client
    contender: Contender
    creates: list[float] = field(default_factory=list[float])

    def create(self, number: int) -> float:
        """File a ticket as mcp-handoff does and return the seconds that it took."""
        begun = time.perf_counter()
        answer = self.http.post(f"/projects/{PROJECT}/tickets", json=self._body(number))
        answer.raise_for_status().json()
        return time.perf_counter() - begun

    def _body(self, number: int) -> dict[str, Any]:
        said = {"priority": "medium", "blocking": False}
        acting = {"actor_role": "bot", "actor_id": "bench", "source": "bot"}
        return {**self.contender.ticket(str(number)), **said, **acting}


def compare(rounds: int, calls: int, starts: int) -> str:
    """Measure calls and starts in turn and return the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        command = python("benchmarks.api_server")
        host, port = stack.enter_context(Served(command, inherited(), ROOT)).address
        address = f"http://{host}:{port}/api"
        over_api, over_store = ours(HANDOFF_BACKEND=address), ours()
        http = stack.enter_context(httpx2.Client(base_url=address))
        bare = BareClient(http, over_api)
        for number in range(starts):
            for contender in shuffled([over_api, over_store]):
                with contender.start(folder / f"{number}.db"):
                    pass
        for _ in range(rounds):
            with over_api.start(folder / "unused.db") as server:
                _create_in_turn(server, bare, calls)
    return markdown(_HEAD, list(_rows(bare, over_api, over_store, starts)))


def _create_in_turn(server: Server, bare: BareClient, calls: int) -> None:
    ours = bare.contender
    ours.create(server, 0)  # or the first would pay for connecting
    bare.create(0)
    for number in range(calls):
        for side in shuffled(["bare", "ours"]):
            if side == "bare":
                bare.creates.append(bare.create(number))
            else:
                ours.creates.append(ours.create(server, number))


def _rows(
    bare: BareClient, over_api: Contender, over_store: Contender, starts: int
) -> Iterator[list[str]]:
    yield _creates(bare.creates, over_api.creates)
    yield _starts(over_store.starts[MODERN].tools, over_api.starts[MODERN].tools[:starts])


def _creates(bare: list[float], ours: list[float]) -> list[str]:
    share = statistics.median(after - before for before, after in zip(bare, ours, strict=True))
    more = share * 1000
    compared = f"+{more:.2f} ms, {growth(bare, ours):.2f} ×"
    target = [f"≤ +{SHARE_MILLISECONDS} ms", verdict(more <= SHARE_MILLISECONDS)]
    name = "create_ticket, ms, beside a bare httpx2 client"
    return [name, str(timing(bare)), str(timing(ours)), compared, *target]


def _starts(store: list[float], api: list[float]) -> list[str]:
    ratio = growth(store, api)
    target = [f"≤ {START_RATIO} ×", verdict(ratio <= START_RATIO)]
    name = "start to tools/list, ms, beside the embedded store"
    return [name, str(timing(store)), str(timing(api)), f"{ratio:.2f} ×", *target]
