"""Several servers on one PostgreSQL, behind a balancer that knows nothing of sessions."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.subscriptions import ResourceUpdated

from tests.http.balancer import balanced
from tests.http.served import Served, bearer, command, make_token, soon
from tests.mcp.agent import Agent
from tests.mcp.conftest import ERAS
from tests.mcp.wire import TIMEOUT
from tests.postgres import Server
from tests.requests import TICKET

pytestmark = pytest.mark.proof

BODY: dict[str, Any] = {**TICKET, "priority": "low", "blocking": False}


@pytest.fixture(scope="module", params=[2, 4])
def count(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def shared(
    postgres_server: Server, tmp_path_factory: pytest.TempPathFactory, count: int
) -> Iterator[list[Served]]:
    """Replicas that a module's tests share."""
    with (
        postgres_server.schema() as url,
        started(url, count, tmp_path_factory.mktemp("shared")) as running,
    ):
        yield running


@pytest.fixture
def replicas(postgres: str, count: int, tmp_path: Path) -> Iterator[list[Served]]:
    """Replicas of one test, which ends them."""
    with started(postgres, count, tmp_path) as running:
        yield running


@contextmanager
def started(url: str, count: int, directory: Path) -> Generator[list[Served]]:
    """Servers on one PostgreSQL; their clients have an administrator's token."""
    token = make_token(url, "root", "admin")
    settings = {"HANDOFF_BACKEND": url}
    with ExitStack() as stack:
        yield [
            stack.enter_context(Served(directory / "unused.db", token=token, **settings))
            for _ in range(count)
        ]


@pytest.fixture
async def address(shared: list[Served]) -> AsyncIterator[str]:
    """The balancer's address."""
    async with balanced([replica.url for replica in shared]) as url:
        yield url


@asynccontextmanager
async def desk_at(url: str, token: str, era: str = ERAS[0]) -> AsyncGenerator[Agent]:
    """A client that takes a new connection, and so the next replica, for every request."""
    headers = {**bearer(token), "Connection": "close"}
    async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=era) as client:
            yield Agent(client)


@pytest.mark.parametrize("era", ERAS)
async def test_a_ticket_is_filed_built_proposed_and_closed_through_whichever_replica(
    shared: list[Served], address: str, era: str
) -> None:
    async with desk_at(address, shared[0].token, era) as desk:
        ticket = await desk.file_ticket()
        build = await desk.trigger(ticket)
        assert await desk.builds(ticket=ticket) == [build]
        suggestion = await desk.suggest(ticket)
        assert (await desk.act(suggestion, "execute"))["stage"] == "live"
        refused = await desk.refusal(
            "act_on_suggestion", {"suggestion_id": suggestion, "action": "execute"}
        )
        assert (refused["code"], refused["state"]) == ("SUGGESTION_NOT_PENDING", "executed")


async def test_the_same_key_at_every_replica_at_once_is_one_ticket(shared: list[Served]) -> None:
    headers = {**bearer(shared[0].token), "Idempotency-Key": "once"}
    path = "/api/projects/till/tickets"
    shared[0].http.post("/api/projects", json={"name": "till"})
    answers: list[httpx2.Response] = []

    async def file(replica: Served) -> None:
        async with httpx2.AsyncClient(base_url=replica.url, timeout=TIMEOUT) as http:
            answers.append(await http.post(path, json=BODY, headers=headers))

    async with anyio.create_task_group() as group:
        for replica in shared * 4:
            group.start_soon(file, replica)
    assert Counter(answer.status_code for answer in answers) == {201: 4 * len(shared)}
    assert len({answer.text for answer in answers}) == 1
    assert len(shared[-1].http.get(path).json()["tickets"]) == 1


async def test_a_subscriber_at_one_replica_hears_of_a_write_at_another_even_of_one_killed_later(
    replicas: list[Served],
) -> None:
    async with (
        desk_at(replicas[0].url, replicas[0].token) as desk,
        desk.client.listen(resource_subscriptions=["handoff://tickets"]) as subscription,
    ):
        replicas[1].http.post("/api/projects", json={"name": "shop"})
        filed = replicas[1].http.post("/api/projects/shop/tickets", json=BODY)
        replicas[1].process.kill()
        with anyio.fail_after(TIMEOUT):
            assert await anext(subscription) == ResourceUpdated(uri="handoff://tickets")
        read = await desk.whole("HO-1-shop")
    assert read["ticket"]["id"] == filed.json()["ticket"]["id"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_waits_at_one_replica_is_answered_at_a_change_at_another(
    shared: list[Served], era: str
) -> None:
    messages = "/api/projects/shop/tickets/{}/messages"

    async with desk_at(shared[0].url, shared[0].token, era) as desk:
        ticket = await desk.file_ticket(title=f"Waited for in {era} of {len(shared)}")

        async def change(progress: float, total: float | None, message: str | None) -> None:
            path = messages.format(ticket)
            assert shared[1].http.post(path, json={"body": "Look here."}).status_code == 201

        arguments = {"ticket": ticket, "wait_s": 50}
        with anyio.fail_after(45):
            read = await desk.client.call_tool("get_ticket", arguments, progress_callback=change)
    assert "Look here." in str(read.structured_content)


def test_a_token_that_is_revoked_stops_at_every_replica_within_two_seconds(
    replicas: list[Served], store: Path, postgres: str
) -> None:
    make_token(postgres, "ada", "user")
    for replica in replicas:
        assert replica.http.get("/api/projects").status_code == 200
    revoked = command(store, "token", "revoke", "root", HANDOFF_BACKEND=postgres)
    assert revoked.returncode == 0
    assert soon(lambda: all(one.http.get("/api/projects").status_code == 401 for one in replicas))
    for replica in replicas:
        assert replica.end() == (0, b"")
