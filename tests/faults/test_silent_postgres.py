"""A PostgreSQL that keeps its connections and says nothing keeps nobody waiting for ever."""

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from mcp_handoff.errors import BackendUnavailable, HandoffError, OutcomeUnknown
from mcp_handoff.postgres import database
from mcp_handoff.postgres.database import CONNECTIONS
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.wording import assert_own_words
from tests.clusters import Cluster, cluster
from tests.faults.postgres_proxy import Cut, PostgresProxy
from tests.faults.writes import CALLER, PREPARED, Desk, opened
from tests.http.served import Served
from tests.mcp.wire import Wire, call, environment
from tests.postgres import require_binaries

pytestmark = pytest.mark.proof

SECONDS = 30
GRACE_SECONDS = 10
"""What requests under way may take once a process is told to end."""

CALLS = 3 * CONNECTIONS


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server of these tests' own, which they suspend."""
    require_binaries()
    with cluster() as started:
        yield started


@contextmanager
def hasty_calls() -> Generator[None]:
    """Give up on calls that begin meanwhile after half a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "CALL_SECONDS", 0.5)
        yield


@pytest.fixture
async def desk(server: Cluster) -> AsyncIterator[StoreBackend]:
    async with opened(server.url) as backend:
        yield backend


async def test_every_call_to_a_suspended_server_is_told_that_nothing_was_changed(
    server: Cluster, desk: StoreBackend
) -> None:
    await desk.create_ticket(CALLER, requests.create_ticket(title="Before"))
    with anyio.fail_after(SECONDS), server.suspended(), hasty_calls():
        told = await asyncio.gather(*map(file, [desk] * CALLS, range(CALLS)))
    for error in told:
        assert isinstance(error, BackendUnavailable)
        assert_own_words(error)
    found = await desk.find_tickets(CALLER, requests.find_tickets())
    assert [ticket.title for ticket in found.tickets] == ["Before"]


@pytest.mark.parametrize("done", [0, 1])
async def test_a_write_that_is_not_answered_once_its_commit_was_sent_may_have_been_done(
    server: Cluster, desk: StoreBackend, done: int
) -> None:
    silence = Cut("server" if done else "client", 0, silently=True)
    case = await PREPARED["create_build"](Desk(desk, server.url))
    async with PostgresProxy.before(server.url) as proxy, opened(proxy.url) as behind:
        with anyio.fail_after(SECONDS), proxy.cutting(silence) as settled:
            with hasty_calls(), pytest.raises(OutcomeUnknown, match="Look before a retry"):
                await case.call(behind)
            await settled.wait()
        assert Desk(desk, server.url).count(case.times) == done


async def test_a_network_that_swallows_everything_is_noticed_and_used_again_once_it_works(
    server: Cluster,
) -> None:
    async with PostgresProxy.before(server.url) as proxy, opened(proxy.url) as behind:
        with anyio.fail_after(SECONDS):
            proxy.swallows = True
            with hasty_calls():
                assert isinstance(await file(behind, 1), BackendUnavailable)
            proxy.swallows = False
            while await file(behind, 2):  # a connection that was begun before is still waited for
                pass


async def test_readiness_is_denied_in_seconds_and_processes_end_in_time_whatever_hangs(
    server: Cluster, store: Path
) -> None:
    settings = {"HANDOFF_BACKEND": server.url, "BUILD_DISPATCH_URL": "http://127.0.0.1:9"}
    with Served(store, **settings) as served, Wire(environment(store, **settings)) as stdio:
        assert served.http.get("/readyz").status_code == 200
        stdio.ask(call(1, "create_ticket", **requests.TICKET))
        with server.suspended():
            stdio.send(call(2, "create_ticket", **requests.TICKET))
            unready = served.http.get("/readyz")
            assert (unready.status_code, unready.json()["status"]) == (503, "unavailable")
            begun = time.monotonic()
            stdio.process.terminate()
            ended = await asyncio.gather(
                anyio.to_thread.run_sync(served.end), anyio.to_thread.run_sync(stdio.ended)
            )
            assert time.monotonic() - begun < GRACE_SECONDS + 10
    (served_status, _), (_, stdio_status) = ended
    assert (served_status, stdio_status) == (0, 0)


async def file(backend: StoreBackend, number: int) -> HandoffError | None:
    """File a ticket; return why it was not filed."""
    try:
        await backend.create_ticket(CALLER, requests.create_ticket(title=f"Fault {number}"))
    except HandoffError as error:
        return error
    return None
