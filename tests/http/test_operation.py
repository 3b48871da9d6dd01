"""What the operators of a server see of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.http.served import Served, bearer, make_project, make_token
from tests.http.test_access import TICKET
from tests.mcp.agent import Agent

pytestmark = pytest.mark.proof


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    with Served(
        store, HANDOFF_LOG_LEVEL="INFO", BUILD_DISPATCH_URL="http://127.0.0.1:1/"
    ) as running:
        yield running


def figures(served: Served) -> dict[str, float]:
    text = served.http.get("/metrics").text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def lines(errors: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in errors.decode().splitlines()]


def calls(door: str, operation: str, outcome: str) -> str:
    labels = f'door="{door}",operation="{operation}",outcome="{outcome}"'
    return f"handoff_calls_total{{{labels}}}"


async def test_calls_are_counted_by_operation_and_outcome(served: Served) -> None:
    async with Client(f"{served.url}/mcp") as client:
        desk = Agent(client)
        await desk.file_ticket()
        await desk.refusal("create_ticket", {})
        await desk.call("trigger_bot_build", ticket=1)
    served.http.post("/api/projects/shop/tickets", json=TICKET)
    served.http.post("/api/projects/shop/tickets", json={})
    served.http.get("/api/nowhere")
    seen = figures(served)
    assert seen[calls("mcp", "create_ticket", "OK")] == 1
    assert seen[calls("mcp", "create_ticket", "VALIDATION_ERROR")] == 1
    assert seen[calls("rest", "create_ticket", "OK")] == 1
    assert seen[calls("rest", "create_ticket", "VALIDATION_ERROR")] == 1
    assert seen[calls("rest", "unknown", "NOT_FOUND")] == 1
    assert seen['handoff_call_seconds_count{door="mcp",operation="create_ticket"}'] == 2
    assert seen["handoff_outbox_depth"] == 1
    assert seen["process_resident_memory_bytes"] > 0


def test_requests_that_become_no_call_are_counted_by_what_refused_them(store: Path) -> None:
    token = make_token(store, "prometheus", "reader")
    with Served(store, token=token, HANDOFF_RATE_LIMIT="4") as served:
        served.http.get("/healthz")
        served.http.get("/api/projects", headers={"Host": "evil.example"})
        served.http.get("/api/projects", headers=bearer(f"{token}x"))
        another = bearer(make_token(store, "hasty", "bot"))
        for _ in range(6):
            served.http.get("/api/projects", headers=another)
        seen = figures(served)
    assert {name: seen[name] for name in seen if name.startswith("handoff_refusals_total")} == {
        'handoff_refusals_total{code="FORBIDDEN"}': 1,
        'handoff_refusals_total{code="UNAUTHENTICATED"}': 1,
        'handoff_refusals_total{code="RATE_LIMITED"}': 2,
    }


def test_where_tokens_are_asked_for_figures_take_one_that_sees_every_project(store: Path) -> None:
    make_project(store, "shop")
    everywhere = bearer(make_token(store, "prometheus", "reader"))
    limited = bearer(make_token(store, "ada", "admin", "shop"))
    with Served(store) as served:
        for headers, status in ((everywhere, 200), (limited, 403), ({}, 401)):
            assert served.http.get("/metrics", headers=headers).status_code == status


async def test_every_line_of_the_log_is_an_object_with_its_request(served: Served) -> None:
    given = {"X-Request-Id": "portal-7"}
    answer = served.http.get("/api/projects", headers=given)
    assert answer.headers["X-Request-Id"] == "portal-7"
    assert (
        served.http.get("/healthz", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"]
        != "a b"
    )
    for mode in ("2026-07-28", "legacy"):
        async with Client(f"{served.url}/mcp", mode=mode) as client:
            await Agent(client).call("get_overview")
    _, errors = served.end()
    told = [line for line in lines(errors) if line["logger"] == "mcp_handoff.calls"]
    assert [(line["door"], line["operation"], line["outcome"]) for line in told] == [
        ("rest", "list_projects", "OK"),
        ("mcp", "get_overview", "OK"),
        ("mcp", "get_overview", "OK"),
    ]
    assert told[0]["request"] == "portal-7"
    assert all(line["level"] == "INFO" and line["ms"] >= 0 and line["request"] for line in told)
    assert told[0].keys() >= {"time", "message", "principal"}


async def test_no_secret_comes_into_the_log(store: Path) -> None:
    token = make_token(store, "ada", "user")
    pasted = "ghp_" + "a1" * 20
    with Served(store, token=token, HANDOFF_LOG_LEVEL="DEBUG") as served:
        served.http.get("/api/projects", params={"token": token})
        body = {**TICKET, "description": f"The key is {pasted}."}
        served.http.post("/api/projects", json={"name": "shop"})
        assert served.http.post("/api/projects/shop/tickets", json=body).status_code == 201
        served.http.post("/mcp", json=body, headers={"Mcp-Session-Id": token})
        served.http.get("/sse/../mcp", headers={"Authorization": f"Bearer {token}x"})
        _, errors = served.end()
    assert lines(errors)
    assert token not in errors.decode()
    assert pasted not in errors.decode()
