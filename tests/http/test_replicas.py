"""Several servers on one PostgreSQL, behind a balancer that knows nothing of sessions."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.subscriptions import ResourceUpdated

from tests.http.balancer import balanced
from tests.http.served import Served, command, make_token
from tests.mcp.conftest import ERAS
from tests.mcp.desk import Desk
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET

BODY: dict[str, Any] = {**TICKET, "priority": "low", "blocking": False}


@pytest.fixture
def token(store: Path, postgres: str) -> str:
    """The secret of an administrator's token."""
    return make_token(store, "root", "--role", "admin", HANDOFF_BACKEND=postgres)


@pytest.fixture(params=[2, 4])
def replicas(
    store: Path, postgres: str, token: str, request: pytest.FixtureRequest
) -> Iterator[list[Served]]:
    count: int = request.param
    with ExitStack() as stack:
        started = [Served(store, token=token, HANDOFF_BACKEND=postgres) for _ in range(count)]
        yield [stack.enter_context(replica) for replica in started]


@pytest.fixture
async def address(replicas: list[Served]) -> AsyncIterator[str]:
    """The balancer's address."""
    async with balanced([replica.url for replica in replicas]) as url:
        yield url


@asynccontextmanager
async def desk_at(url: str, token: str, era: str = ERAS[0]) -> AsyncGenerator[Desk]:
    """A client that takes a new connection, and so the next replica, for every request."""
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    async with httpx2.AsyncClient(headers=headers, timeout=TIMEOUT) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=era) as client:
            yield Desk(client)


@pytest.mark.parametrize("era", ERAS)
async def test_a_ticket_is_filed_built_proposed_and_closed_through_whichever_replica(
    address: str, token: str, era: str
) -> None:
    async with desk_at(address, token, era) as desk:
        ticket = await desk.file_ticket()
        build = (await desk.call("trigger_bot_build", ticket=ticket["reference"]))["ticket"]
        found = await desk.call("find_builds", ticket=ticket["reference"])
        assert found["items"][0]["id"] == build["ai_output"]["build_run"]["build_id"]
        suggestion = await desk.suggest(1)
        acted = await desk.call("act_on_suggestion", suggestion_id=suggestion, action="execute")
        assert acted["apply_result"]["new_stage"] == "live"
        refused = await desk.refusal(
            "act_on_suggestion", {"suggestion_id": suggestion, "action": "execute"}
        )
        assert (refused["code"], refused["state"]) == ("SUGGESTION_NOT_PENDING", "executed")


async def test_the_same_key_at_every_replica_at_once_is_one_ticket(
    replicas: list[Served], token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    replicas[0].http.post("/api/projects", json={"name": "shop"})
    answers: list[httpx2.Response] = []

    async def file(replica: Served) -> None:
        async with httpx2.AsyncClient(base_url=replica.url, timeout=TIMEOUT) as http:
            path = "/api/projects/shop/tickets"
            answers.append(await http.post(path, json=BODY, headers=headers))

    async with anyio.create_task_group() as group:
        for replica in replicas * 4:
            group.start_soon(file, replica)
    assert Counter(answer.status_code for answer in answers) == {201: 4 * len(replicas)}
    assert len({answer.text for answer in answers}) == 1
    listed = replicas[-1].http.get("/api/projects/shop/tickets").json()["tickets"]
    assert len(listed) == 1


async def test_a_subscriber_at_one_replica_hears_of_a_write_at_another_even_of_one_killed_later(
    replicas: list[Served], token: str
) -> None:
    async with (
        desk_at(replicas[0].url, token) as desk,
        desk.client.listen(resource_subscriptions=["handoff://tickets"]) as subscription,
    ):
        replicas[1].http.post("/api/projects", json={"name": "shop"})
        filed = replicas[1].http.post("/api/projects/shop/tickets", json=BODY)
        replicas[1].process.kill()
        with anyio.fail_after(TIMEOUT):
            assert await anext(subscription) == ResourceUpdated(uri="handoff://tickets")
        read = await desk.call("get_ticket", project="shop", ticket=1)
    assert read["ticket"]["id"] == filed.json()["ticket"]["id"]


def test_a_token_that_is_revoked_stops_at_every_replica(
    replicas: list[Served], store: Path, postgres: str
) -> None:
    make_token(store, "ada", "--role", "user", HANDOFF_BACKEND=postgres)
    for replica in replicas:
        assert replica.http.get("/api/projects").status_code == 200
    revoked = command(store, "token", "revoke", "root", HANDOFF_BACKEND=postgres)
    assert revoked.returncode == 0
    for replica in replicas:
        assert replica.http.get("/api/projects").status_code == 401
        assert replica.end() == (0, b"")
