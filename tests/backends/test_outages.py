"""A database server that goes down and comes back, under load and without a restart of ours."""

import asyncio
from collections.abc import Iterator
from itertools import count

import anyio
import anyio.to_thread
import pytest

from mcp_handoff.backend import Backend
from mcp_handoff.errors import BackendUnavailable, HandoffError, OutcomeUnknown
from mcp_handoff.events import EVERYTHING
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.invariants import assert_whole
from tests.backends.wording import assert_own_words
from tests.backends.writer_process import CALLER
from tests.clusters import Cluster, cluster
from tests.postgres import require_binaries

pytestmark = pytest.mark.proof

SECONDS = 120
TASKS = 8
RESTARTS = 3


@pytest.fixture
def server() -> Iterator[Cluster]:
    """A server of the test's own."""
    require_binaries()
    with cluster() as started:
        yield started


async def test_calls_during_restarts_succeed_or_say_why_and_all_go_on_afterwards(
    server: Cluster,
) -> None:
    replicas = [StoreBackend(PostgresDatabase.open(server.url)) for _ in range(2)]
    load = Load()
    with anyio.fail_after(SECONDS):
        async with asyncio.TaskGroup() as tasks:
            for number in range(TASKS):
                tasks.create_task(load.run(replicas[number % 2], number))
            for _ in range(RESTARTS):
                await load.acknowledged_by_all(10)
                await anyio.to_thread.run_sync(server.restart)
            await load.acknowledged_by_all(10)
            load.ended = True
    for error in load.errors:
        assert isinstance(error, BackendUnavailable | OutcomeUnknown)
        assert_own_words(error)
    numbers = sorted(number for task in load.numbers for number in task)
    assert numbers == [*range(1, len(numbers) + 1)]
    for replica in replicas:
        await replica.close()
    await assert_whole(server.url)


async def test_a_subscriber_is_told_of_the_gap_that_a_restart_left_and_hears_again(
    server: Cluster,
) -> None:
    backend = StoreBackend(PostgresDatabase.open(server.url))
    with anyio.fail_after(SECONDS):
        async with backend.changes() as changes:
            await anyio.to_thread.run_sync(server.restart)
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(write_until_cancelled(backend))
                while await anext(changes) != EVERYTHING:
                    pass  # what was written before the restart
                assert (await anext(changes)).kind in ("project.created", "ticket.created")
                writing.cancel()
    await backend.close()


async def test_a_call_while_the_server_is_down_says_so_and_the_next_one_after_it_is_back_works(
    server: Cluster,
) -> None:
    backend = StoreBackend(PostgresDatabase.open(server.url))
    await backend.create_ticket(CALLER, requests.create_ticket())
    server.stop()
    with pytest.raises(BackendUnavailable, match="nothing listens there") as down:
        await backend.get_ticket(CALLER, requests.get_ticket(1))
    assert_own_words(down.value)
    server.start()
    assert (await backend.get_ticket(CALLER, requests.get_ticket(1))).ticket.number == 1
    await backend.close()


class Load:
    """Tasks that file tickets until told to end, each of them again until it is acknowledged."""

    def __init__(self) -> None:
        self.ended = False
        self.errors: list[HandoffError] = []
        self.numbers: list[list[int]] = [[] for _ in range(TASKS)]
        self._filed = asyncio.Condition()

    async def run(self, backend: Backend, task: int) -> None:
        for turn in count():
            if self.ended:
                return
            self.numbers[task].append(await self._file(backend, f"task {task} turn {turn}"))
            async with self._filed:
                self._filed.notify_all()

    async def acknowledged_by_all(self, more: int) -> None:
        """Wait until every task has had so many more acknowledged."""
        wanted = [len(numbers) + more for numbers in self.numbers]
        async with self._filed:
            await self._filed.wait_for(
                lambda: all(
                    len(have) >= want for have, want in zip(self.numbers, wanted, strict=True)
                )
            )

    async def _file(self, backend: Backend, key: str) -> int:
        request = requests.create_ticket(title=key, idempotency_key=key)
        while True:
            try:
                ticket = (await backend.create_ticket(CALLER, request)).ticket
            except HandoffError as error:
                self.errors.append(error)
            else:
                assert ticket.number is not None
                return ticket.number


async def write_until_cancelled(backend: Backend) -> None:
    for number in count():
        request = requests.create_ticket(title=f"Fault {number}")
        await backend.create_ticket(CALLER, request)
