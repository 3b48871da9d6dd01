"""A read-only server writes by no door, over no backend."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from mcp_handoff.runs import run_secret
from tests.http.served import Served, command
from tests.mcp.agent import Agent
from tests.mcp.wire import environment
from tests.requests import TICKET

pytestmark = pytest.mark.proof

SECRET = "whsec_" + "c2VjcmV0" * 4
NOWHERE = "01a20042-1adb-7468-a632-720bcea826fc"
BODY = {**TICKET, "priority": "high", "blocking": False}
READING = ["find_tickets", "get_ticket", "get_overview", "list_suggestions", "find_builds"]


@pytest.fixture
def upstream(store: Path) -> Iterator[Served]:
    """A server that writes, with one ticket in project shop."""
    with Served(store) as running:
        assert running.http.post("/api/projects", json={"name": "shop"}).status_code == 201
        assert running.http.post("/api/projects/shop/tickets", json=BODY).status_code == 201
        yield running


@pytest.fixture(params=["store", "api"])
def settings(upstream: Served, request: pytest.FixtureRequest) -> dict[str, str]:
    """A read-only server's, over the same store or over that server's API."""
    over_api = {"HANDOFF_BACKEND": f"{upstream.url}/api"}
    return {"HANDOFF_READ_ONLY": "1", **(over_api if request.param == "api" else {})}


@pytest.fixture
def read_only(store: Path, settings: dict[str, str]) -> Iterator[Served]:
    with Served(store, BUILD_DISPATCH_SECRET=SECRET, **settings) as running:
        yield running


@pytest.fixture(params=["stdio", "2026-07-28", "legacy"])
async def desk(
    store: Path, settings: dict[str, str], read_only: Served, request: pytest.FixtureRequest
) -> AsyncIterator[Agent]:
    if request.param == "stdio":
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "mcp_handoff"], env=environment(store, **settings)
        )
        client = Client(server)
    else:
        client = Client(f"{read_only.url}/mcp", mode=request.param)
    async with client:
        yield Agent(client)


def stored(upstream: Served) -> int:
    return len(upstream.http.get("/api/projects/shop/tickets").json()["tickets"])


def test_over_rest_every_write_is_forbidden_and_nothing_is_written(
    read_only: Served, settings: dict[str, str], upstream: Served
) -> None:
    project, builds = "/api/projects/shop", "/api/v1/org/default/builds"
    writes: list[tuple[str, str]] = [
        ("POST", f"{project}/tickets"),
        ("POST", f"{project}/tickets/1/trigger-bot-build"),
        ("POST", f"{project}/ai-suggestions"),
        ("POST", f"{project}/ai-suggestions/{NOWHERE}/action"),
        ("POST", "/api/projects"),
        ("POST", builds),
        ("PATCH", f"{builds}/{NOWHERE}"),
        ("POST", f"{builds}/{NOWHERE}/report"),
    ]
    if "HANDOFF_BACKEND" not in settings:
        writes += [
            ("DELETE", "/api/tokens/ada"),
            ("POST", "/api/webhooks"),
            ("POST", f"/api/webhooks/{NOWHERE}/test"),
            ("DELETE", f"/api/webhooks/{NOWHERE}"),
        ]
    for method, path in writes:
        refused = read_only.http.request(method, path, json=BODY)
        assert refused.status_code == 403, path
        assert "HANDOFF_READ_ONLY=1" in refused.text
    for path in (f"{project}/tickets", f"{project}/tickets/1", f"{project}/ai-suggestions", builds):
        assert read_only.http.get(path).status_code == 200, path
    assert stored(upstream) == 1


def test_a_report_on_a_run_is_forbidden(read_only: Served, settings: dict[str, str]) -> None:
    bearer = {"Authorization": f"Bearer {run_secret(SECRET, NOWHERE)}"}
    report = read_only.http.post(
        f"/api/runs/{NOWHERE}/report", json={"status": "running"}, headers=bearer
    )
    over_api = "HANDOFF_BACKEND" in settings
    assert report.status_code == (404 if over_api else 403)


async def test_over_mcp_only_what_reads_is_listed_and_a_write_is_forbidden(
    desk: Agent, upstream: Served
) -> None:
    assert [tool.name for tool in (await desk.client.list_tools()).tools] == READING
    error = await desk.refusal("create_ticket", {**TICKET, "title": "Another ticket"})
    assert error["code"] == "FORBIDDEN"
    assert "HANDOFF_READ_ONLY=1" in error["message"]
    assert len((await desk.call("find_tickets"))["tickets"]) == 1
    assert stored(upstream) == 1


def test_a_command_that_writes_says_why_it_does_not(
    store: Path, settings: dict[str, str], upstream: Served
) -> None:
    commands = [("project", "create", "app")]
    if "HANDOFF_BACKEND" not in settings:
        commands += [("token", "create", "ada", "--role", "user"), ("token", "revoke", "ada")]
    for arguments in commands:
        refused = command(store, *arguments, **settings)
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stderr
        assert "HANDOFF_READ_ONLY=1" in refused.stderr
    assert command(store, "project", "list", **settings).returncode == 0
    projects = upstream.http.get("/api/projects").json()["projects"]
    assert [project["slug"] for project in projects] == ["shop"]


def test_a_wrong_body_is_not_looked_at_before_the_refusal(read_only: Served) -> None:
    refused = read_only.http.post("/api/projects/shop/tickets", json={"colour": "red"})
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
