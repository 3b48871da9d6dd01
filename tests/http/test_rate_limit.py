"""How many calls a token may make."""

from pathlib import Path

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.http.served import Served, make_token
from tests.http.test_guard import bearer
from tests.mcp.desk import Desk


def test_a_call_too_many_is_told_when_to_come_back(store: Path) -> None:
    ada, eve = (make_token(store, name, "--role", "user") for name in ("ada", "eve"))
    with Served(store, token=ada, HANDOFF_RATE_LIMIT="5") as served:
        assert [served.http.get("/api/projects").status_code for _ in range(5)] == [200] * 5
        for path in ("/api/projects", "/api/v1/org/default/builds"):
            refused = served.http.get(path)
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.json()["type"] == "usage_limit_exceeded_error"
        told = served.http.get("/api/projects").json()
        assert told["code"] == "RATE_LIMITED"
        assert 1 <= told["retryAfter"] <= 60
        assert served.http.get("/api/projects", headers=bearer(eve)).status_code == 200
        assert served.http.get("/healthz").status_code == 200


async def test_an_agent_is_told_by_the_tool(store: Path) -> None:
    headers = bearer(make_token(store, "ci-bot", "--role", "bot"))
    with Served(store, HANDOFF_RATE_LIMIT="10") as served:
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
            async with Client(transport) as client:
                for _ in range(10):
                    await client.call_tool("list_projects", {})
                error = await Desk(client).refusal("list_projects", {})
    assert error["code"] == "RATE_LIMITED"
    assert 1 <= error["retry_after"] <= 60


def test_without_a_limit_nobody_is_told_to_wait(store: Path) -> None:
    token = make_token(store, "ada", "--role", "user")
    with Served(store, token=token, HANDOFF_RATE_LIMIT="0") as served:
        assert {served.http.get("/api/projects").status_code for _ in range(700)} == {200}
