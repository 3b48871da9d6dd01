"""A build reports on its run: run, build, ticket and history change together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.subscriptions import ResourceUpdated

from mcp_handoff.runs import run_secret
from tests.databases import empty
from tests.dispatch.receiver import Receiver
from tests.dispatch.test_dispatch import SECRET
from tests.http.served import Served, bearer, make_token
from tests.http.test_access import TICKET
from tests.mcp.wire import TIMEOUT


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Served]:
    """A server that dispatches to the receiver; a module's tests share both."""
    store = tmp_path_factory.mktemp("shared") / "handoff.db"
    settings = {"BUILD_DISPATCH_URL": receiver.url, "BUILD_DISPATCH_SECRET": SECRET}
    with Served(store, token=make_token(store, "ada", "user"), **settings) as running:
        yield running


@pytest.fixture
def told(served: Served, receiver: Receiver) -> dict[str, Any]:
    """What the receiver was told of the run of ticket 1, the only one."""
    empty(served.store)
    return receiver.of_run(trigger(served)).data


def trigger(served: Served) -> str:
    """Trigger a build of a new ticket and return its run's id."""
    served.http.post("/api/projects", json={"name": "shop"})
    served.http.post("/api/projects/shop/tickets", json=TICKET)
    path = "/api/projects/shop/tickets/1/trigger-bot-build"
    triggered = served.http.post(path, json={"repo": "acme/shop"}).json()["ticket"]
    return triggered["ai_output"]["build_run"]["id"]


def test_a_build_is_not_told_to_report_where_nobody_reaches_the_server(
    store: Path, receiver: Receiver
) -> None:
    token = make_token(store, "ada", "user")
    settings = {"BUILD_DISPATCH_URL": receiver.url, "BUILD_DISPATCH_SECRET": SECRET}
    with Served(store, "--host", "0.0.0.0", token=token, **settings) as served:
        triggered = trigger(served)
        assert "report_url" not in receiver.of_run(triggered).data
    assert "HANDOFF_PUBLIC_URL is not set" in served.said


def report(told: dict[str, Any], status: str, **more: str) -> httpx2.Response:
    body = {"status": status, **more}
    return httpx2.post(told["report_url"], json=body, headers=bearer(told["report_token"]))


def seen(served: Served) -> tuple[str, str, str]:
    """Return the states of the run, of its build, and of the run as the ticket shows it."""
    build = served.http.get("/api/v1/org/default/builds").json()["items"][0]
    ticket = served.http.get("/api/projects/shop/tickets/1").json()["ticket"]
    return build["run"]["status"], build["status"], ticket["ai_output"]["build_run"]["status"]


def test_a_run_goes_from_dispatched_to_succeeded(served: Served, told: dict[str, Any]) -> None:
    assert report(told, "running").status_code == 200
    assert seen(served) == ("running", "building", "running")
    done = report(told, "succeeded", build_ref="img@sha256:9f2c", url="https://ci.example/7")
    assert done.json()["run"]["url"] == "https://ci.example/7"
    assert seen(served) == ("succeeded", "ready", "succeeded")
    build = served.http.get(f"/api/v1/org/default/builds/{told['build_id']}").json()
    assert build["build_ref"] == "img@sha256:9f2c"
    events = served.http.get("/api/projects/shop/tickets/1").json()["events"]
    kinds = [event["kind"] for event in events]
    assert kinds[:2] == ["build.succeeded", "build.running"]


def test_a_failure_tells_why(served: Served, told: dict[str, Any]) -> None:
    pasted = "ghp_" + "a1" * 20
    assert report(told, "failed", error_message=f"No such image; {pasted}").status_code == 200
    assert seen(served) == ("failed", "failed", "failed")
    build = served.http.get(f"/api/v1/org/default/builds/{told['build_id']}").json()
    assert build["error_message"].startswith("No such image; [masked")


def test_late_and_repeated_reports_change_nothing_and_the_end_is_final(
    served: Served, told: dict[str, Any]
) -> None:
    for status in ("succeeded", "running", "failed", "succeeded"):
        assert report(told, status).json()["run"]["status"] == "succeeded"
    assert seen(served) == ("succeeded", "ready", "succeeded")


def test_a_runs_secret_opens_its_own_report_and_nothing_else(
    served: Served, told: dict[str, Any]
) -> None:
    url, own = told["report_url"], told["report_token"]
    nowhere = "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"
    for token in (
        "mhr_",
        own + "x",
        run_secret(SECRET, nowhere),
        run_secret("other", told["run_id"]),
    ):
        refused = httpx2.post(url, json={"status": "failed"}, headers=bearer(token))
        assert refused.status_code == 401
    unknown = url.replace(told["run_id"], nowhere)
    known = bearer(run_secret(SECRET, nowhere))
    assert httpx2.post(unknown, json={"status": "failed"}, headers=known).status_code == 404
    assert served.http.get("/api/projects", headers=bearer(own)).status_code == 401
    assert report(told, "done").status_code == 400
    assert seen(served)[0] in ("queued", "dispatched")


async def test_a_subscriber_hears_of_a_report(served: Served, told: dict[str, Any]) -> None:
    uri = f"handoff://builds/{told['build_id']}"
    async with httpx2.AsyncClient(headers=bearer(served.token), timeout=TIMEOUT) as http:
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with (
            Client(transport, mode="2026-07-28") as client,
            client.listen(resource_subscriptions=[uri]) as subscription,
        ):
            await anyio.to_thread.run_sync(report, told, "running")
            with anyio.fail_after(TIMEOUT):
                assert await anext(subscription) == ResourceUpdated(uri=uri)
