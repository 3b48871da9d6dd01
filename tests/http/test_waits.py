"""wait_s over HTTP: the connection that closes, the server that ends, both eras and REST."""

import json
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2
import pytest
from mcp import Client
from mcp_types import CallToolResult

from mcp_handoff.mcp.http_calls import PATIENCE_SECONDS
from tests.http.served import Served
from tests.mcp import test_waits
from tests.mcp.conftest import ERAS
from tests.mcp.test_waits import LONG
from tests.mcp.wire import TIMEOUT, call
from tests.requests import TICKET

pytestmark = pytest.mark.proof

BODY: dict[str, Any] = {**TICKET, "priority": "low", "blocking": False}
PATH = "/api/projects/shop/tickets"
PLAIN = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "get_ticket",
}
test_a_wait_is_told_of_and_ends_with_the_change = (
    test_waits.test_a_wait_is_told_of_and_ends_with_the_change
)

GIVEN_UP = 'handoff_calls_total{{door="{}",operation="get_ticket",outcome="CANCELLED"}} '


@pytest.fixture
def with_ticket(alone: Served) -> Served:
    """A server of one test, with a ticket."""
    alone.http.post("/api/projects", json={"name": "shop"})
    assert alone.http.post(PATH, json=BODY).status_code == 201
    return alone


def given_up(served: Served, door: str) -> bool:
    """Tell whether a call was given up at a door."""
    return GIVEN_UP.format(door) in served.http.get("/metrics").text


async def read_amid_messages(served: Served, path: str) -> httpx2.Response:
    """Return the response that waits, while one message after the other is written."""
    answers: list[httpx2.Response] = []

    async with (
        httpx2.AsyncClient(base_url=served.url, timeout=TIMEOUT) as http,
        anyio.create_task_group() as group,
    ):

        async def read() -> None:
            answers.append(await http.get(path))

        group.start_soon(read)
        while not answers:
            await http.post(f"{PATH}/1/messages", json={"body": "Done, have a look."})
    return answers[0]


async def test_a_ticket_over_rest_is_answered_at_its_next_change(with_ticket: Served) -> None:
    with anyio.fail_after(LONG):
        answer = await read_amid_messages(with_ticket, f"{PATH}/1?wait_s={LONG}")
    assert answer.status_code == 200
    assert answer.json()["messages"]


async def test_whoever_closes_the_connection_ends_the_wait_over_rest(with_ticket: Served) -> None:
    async with httpx2.AsyncClient(base_url=with_ticket.url) as http:
        with anyio.fail_after(TIMEOUT):
            while not given_up(with_ticket, "rest"):
                with anyio.move_on_after(0.1):  # now and then that is too early for the server
                    await http.get(f"{PATH}/1", params={"wait_s": LONG})


async def test_a_wait_that_nobody_follows_becomes_a_stream_that_says_it_goes_on(
    with_ticket: Served,
) -> None:
    asked = call(1, "get_ticket", ticket=1, wait_s=LONG)
    async with (
        httpx2.AsyncClient(base_url=with_ticket.url, timeout=TIMEOUT) as http,
        http.stream("POST", "/mcp", json=asked, headers=PLAIN) as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == ": ping"
        await http.post(f"{PATH}/1/messages", json={"body": "Done, have a look."})
        told = [line async for line in lines if line.startswith("data: ")]
    assert answer.headers["content-type"] == "text/event-stream"
    [event] = [json.loads(line.removeprefix("data: ")) for line in told]
    assert (event["id"], "Done, have a look." in str(event["result"])) == (1, True)


async def test_whoever_closes_the_connection_ends_a_plain_wait(with_ticket: Served) -> None:
    asked = call(1, "get_ticket", ticket=1, wait_s=LONG)
    async with httpx2.AsyncClient(base_url=with_ticket.url) as http:
        with anyio.fail_after(TIMEOUT):
            while not given_up(with_ticket, "mcp"):
                with anyio.move_on_after(2 * PATIENCE_SECONDS):
                    await http.post("/mcp", json=asked, headers=PLAIN)


@pytest.mark.parametrize("era", ERAS)
async def test_whoever_gives_a_wait_up_ends_it_over_mcp(with_ticket: Served, era: str) -> None:
    async with Client(f"{with_ticket.url}/mcp", mode=era) as client:
        with anyio.fail_after(TIMEOUT):
            async with anyio.create_task_group() as group:

                async def give_up(
                    progress: float, total: float | None, message: str | None
                ) -> None:
                    group.cancel_scope.cancel()

                group.start_soon(waiting, client, give_up)
            while not given_up(with_ticket, "mcp"):
                await anyio.lowlevel.checkpoint()


async def waiting(client: Client, told: Any) -> CallToolResult:
    arguments = {"ticket": "HO-1-shop", "wait_s": LONG}
    return await client.call_tool("get_ticket", arguments, progress_callback=told)


@pytest.mark.parametrize("era", ERAS)
async def test_sigterm_answers_every_wait_with_what_is_there(with_ticket: Served, era: str) -> None:
    ended = anyio.Event()
    told: list[object] = []

    async def end(progress: float, total: float | None, message: str | None) -> None:
        ended.set()

    async def read_over_rest() -> None:
        async with httpx2.AsyncClient(base_url=with_ticket.url, timeout=TIMEOUT) as http:
            answer = await http.get(f"{PATH}/1", params={"wait_s": LONG})
        told.append(answer.json()["ticket"]["reference"])

    async def read_over_mcp(client: Client) -> None:
        answer = (await waiting(client, end)).structured_content
        assert answer is not None
        told.append(answer["ticket"])

    with anyio.fail_after(LONG):
        async with (
            Client(f"{with_ticket.url}/mcp", mode=era) as client,
            anyio.create_task_group() as group,
        ):
            await client.list_tools()  # which it does by itself before it shows a result
            group.start_soon(read_over_rest)
            group.start_soon(read_over_mcp, client)
            await ended.wait()
            assert (await anyio.to_thread.run_sync(with_ticket.end))[0] == 0
    assert told == ["HO-1-shop", "HO-1-shop"]
