"""How many calls a token may make."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.http.served import Served, bearer, make_token
from tests.mcp.agent import Agent

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
                await client.call_tool("list_projects", {})
            error = await Agent(client).refusal("list_projects", {})
    assert error["code"] == "RATE_LIMITED"
    assert 1 <= error["retry_after"] <= 60


def test_without_a_limit_nobody_is_told_to_wait(store: Path) -> None:
    token = make_token(store, "ada", "user")
    with Served(store, token=token, HANDOFF_RATE_LIMIT="0") as served:
        assert {served.http.get("/api/projects").status_code for _ in range(700)} == {200}
