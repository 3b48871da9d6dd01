"""How many calls a token may make."""

from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.http.served import Served, bearer, make_token
from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT
from tests.security.crowd import address_of

pytestmark = pytest.mark.proof

LIMIT = 10


@pytest.fixture(scope="module")
def served(shared_store: Path) -> Iterator[Served]:
    token = make_token(shared_store, "ada", "user")
    with Served(shared_store, token=token, HANDOFF_RATE_LIMIT=f"{LIMIT}") as running:
        yield running


def test_a_call_too_many_is_told_when_to_come_back(served: Served) -> None:
    assert [served.http.get("/api/projects").status_code for _ in range(LIMIT)] == [200] * LIMIT
    for path in ("/api/projects", "/api/v1/org/default/builds"):
        refused = served.http.get(path)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["type"] == "usage_limit_exceeded_error"
    told = served.http.get("/api/projects").json()
    assert told["code"] == "RATE_LIMITED"
    assert 1 <= told["retryAfter"] <= 60
    another = bearer(make_token(served.store, "eve", "user"))
    assert served.http.get("/api/projects", headers=another).status_code == 200
    assert served.http.get("/healthz").status_code == 200


async def test_an_agent_is_told_by_the_tool(served: Served) -> None:
    headers = bearer(make_token(served.store, "ci-bot", "bot"))
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport) as client:
            for _ in range(LIMIT):
                await client.call_tool("get_overview", {})
            error = await Agent(client).refusal("get_overview", {})
    assert error["code"] == "RATE_LIMITED"
    assert 1 <= error["retry_after"] <= 60


def test_without_a_limit_nobody_is_told_to_wait(store: Path) -> None:
    token = make_token(store, "ada", "user")
    with Served(store, token=token, HANDOFF_RATE_LIMIT="0") as served:
        assert {served.http.get("/api/projects").status_code for _ in range(700)} == {200}


def test_what_no_tool_can_tell_is_refused_before_its_body_is_there(served: Served) -> None:
    headers = bearer(make_token(served.store, "hasty", "bot"))
    for _ in range(LIMIT):
        served.http.get("/api/projects", headers=headers)
    half = {"Content-Length": "999", **headers}
    modern = {**half, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
    for path, sent in (("/api/projects", half), ("/mcp", modern)):
        connection = HTTPConnection(*address_of(served), timeout=TIMEOUT)
        connection.request("POST", path, headers=sent)
        refused = connection.getresponse()
        assert (refused.status, refused.headers["Connection"]) == (429, "close")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        connection.close()


async def test_an_agent_that_does_not_listen_is_read_no_more(served: Served) -> None:
    headers = bearer(make_token(served.store, "deaf", "bot"))
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport) as client:
            for _ in range(LIMIT + LIMIT // 2):
                with suppress(MCPError):
                    await client.call_tool("get_overview", {})
            with pytest.raises(MCPError, match=f"{LIMIT} calls a minute are allowed"):
                await client.call_tool("get_overview", {})
