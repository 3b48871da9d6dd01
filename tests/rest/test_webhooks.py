"""Webhooks over REST, which are for admins."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from mcp_handoff.webhooks import MOST_WEBHOOKS
from tests.http.served import Served, make_project, make_token
from tests.rest.conftest import NOWHERE

URL = "https://hooks.invalid/key-1?key-2"
"""Nobody is there."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose client has an admin's token."""
    yield from serving(tmp_path_factory.mktemp("webhooks") / "handoff.db")


@pytest.fixture
def alone(store: Path) -> Iterator[Served]:
    yield from serving(store)


def serving(store: Path) -> Iterator[Served]:
    make_project(store, "shop")
    with Served(store, token=make_token(store, "ada", "admin")) as running:
        yield running


def add(http: httpx2.Client, **body: Any) -> httpx2.Response:
    return http.post("/api/webhooks", json={"url": URL, **body})


def added(http: httpx2.Client, **body: Any) -> dict[str, Any]:
    return add(http, **body).json()["webhook"]


def listed(http: httpx2.Client) -> list[dict[str, Any]]:
    answer = http.get("/api/webhooks")
    assert answer.status_code == 200
    return answer.json()["webhooks"]


def test_an_address_that_the_server_never_connects_to_is_refused(http: httpx2.Client) -> None:
    before = listed(http)
    for address in ("127.0.0.1", "10.0.0.7:8443", "[fd00::1]", "169.254.169.254"):
        refused = add(http, url=f"https://{address}/key-1")
        assert refused.status_code == 400
        assert "HANDOFF_WEBHOOK_NETWORKS" in refused.json()["fieldErrors"]["url"]
    assert listed(http) == before


def test_a_webhook_is_added_with_a_secret_that_is_shown_once(http: httpx2.Client) -> None:
    answer = add(http, events=["take", "build.failed"], project="shop")
    assert answer.status_code == 201
    webhook, secret = answer.json()["webhook"], answer.json()["secret"]
    assert secret.startswith("whsec_")
    assert UUID(webhook.pop("id"))
    assert webhook.pop("created_at")
    assert webhook == {
        "origin": "https://hooks.invalid",
        "format": "standard",
        "events": ["take", "build.failed"],
        "project": "shop",
        "off_since": None,
        "off_reason": None,
        "waiting": 0,
        "last_attempt_at": None,
        "last_taken_at": None,
        "last_error": None,
    }
    assert secret not in http.get("/api/webhooks").text
    assert add(http).json()["secret"] != secret


def test_without_more_it_hears_of_everything_in_all_projects(http: httpx2.Client) -> None:
    webhook = added(http)
    assert webhook["events"] == ["ticket", "message", "suggestion", "build"]
    assert webhook["project"] is None
    assert webhook["id"] in [row["id"] for row in listed(http)]


def test_of_its_address_no_more_than_the_host_is_shown_to_anybody(http: httpx2.Client) -> None:
    answer = add(http, project="shop")
    path = f"/api/webhooks/{answer.json()['webhook']['id']}"
    answers = [
        answer,
        http.post(f"{path}/test"),
        http.get("/api/webhooks"),
        http.delete(path),
        http.get("/api/projects/shop/events", params={"limit": 200}),
    ]
    for told in answers:
        assert told.is_success
        assert "https://hooks.invalid" in told.text
        assert "key-" not in told.text


def test_slacks_format_has_no_secret(http: httpx2.Client) -> None:
    answer = add(http, format="slack").json()
    assert (answer["secret"], answer["webhook"]["format"]) == (None, "slack")


@pytest.mark.parametrize(
    "url",
    [
        *("hooks.invalid", "http://hooks.invalid/", "ftp://hooks.invalid/", "https:///hook", ""),
        *("https://user@hooks.invalid/", "https://user:word@hooks.invalid/", "https://h:99999/"),
        *("https://hooks.invalid/a b", "https://hööks.invalid/", "https://hooks.invalid/\u202e"),
        *("https://hooks.invalid/" + "a" * 2000, "https://hooks.invalid/\x00", None, 5),
    ],
)
def test_an_address_that_is_not_a_secure_one_is_refused(http: httpx2.Client, url: Any) -> None:
    before = len(listed(http))
    refused = add(http, url=url)
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
    assert refused.json()["fieldErrors"].keys() == {"url"}
    assert "word@" not in refused.text
    assert len(listed(http)) == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"events": []}, "events"),
        ({"events": ["nonsense"]}, "events.0"),
        ({"events": ["take", "webhook.added"]}, "events.1"),
        ({"events": None}, "events"),
        ({"events": ["take"] * 100}, "events"),
        ({"format": "teams"}, "format"),
        ({"project": ""}, "project"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_named_and_nothing_is_stored(
    http: httpx2.Client, wrong: dict[str, Any], field: str
) -> None:
    before = len(listed(http))
    refused = add(http, **wrong)
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
    assert field in refused.json()["fieldErrors"]
    assert len(listed(http)) == before


def test_a_webhook_of_no_project_that_is_there_is_not_found(http: httpx2.Client) -> None:
    before = len(listed(http))
    assert add(http, project="nowhere").status_code == 404
    assert len(listed(http)) == before


def test_a_test_is_accepted_before_its_message_is_sent(http: httpx2.Client) -> None:
    webhook = added(http)
    accepted = http.post(f"/api/webhooks/{webhook['id']}/test")
    assert accepted.status_code == 202
    assert accepted.json() == {"webhook": {**webhook, "waiting": 1}}


def test_a_removed_webhook_is_gone(http: httpx2.Client) -> None:
    webhook = added(http)
    address = f"/api/webhooks/{webhook['id']}"
    removed = http.delete(address)
    assert (removed.status_code, removed.json()) == (200, {"webhook": webhook})
    assert webhook["id"] not in [row["id"] for row in listed(http)]
    assert http.delete(address).status_code == 404
    assert http.post(f"{address}/test").status_code == 404


def test_the_id_of_no_webhook_is_nowhere_and_what_is_no_id_is_wrong(http: httpx2.Client) -> None:
    for webhook, status in ((NOWHERE, 404), ("hooks", 400)):
        assert http.delete(f"/api/webhooks/{webhook}").status_code == status
        assert http.post(f"/api/webhooks/{webhook}/test").status_code == status


def test_what_is_done_with_a_webhook_of_a_project_stands_in_its_history(
    http: httpx2.Client,
) -> None:
    webhook = added(http, project="shop", events=["take"])
    http.post(f"/api/webhooks/{webhook['id']}/test")
    http.delete(f"/api/webhooks/{webhook['id']}")
    events = http.get("/api/projects/shop/events", params={"limit": 200}).json()["events"]
    of_webhook = {event["kind"]: event for event in events if event["subject_id"] == webhook["id"]}
    assert [*of_webhook] == ["webhook.added", "webhook.tested", "webhook.removed"]
    described = {"origin": "https://hooks.invalid", "format": "standard", "events": ["take"]}
    assert of_webhook["webhook.added"]["after"] == described
    assert of_webhook["webhook.removed"]["before"] == described
    assert {event["principal_name"] for event in of_webhook.values()} == {"ada"}


def test_there_are_so_many_webhooks_and_no_more(alone: Served) -> None:
    added_to = [added(alone.http) for _ in range(MOST_WEBHOOKS)]
    refused = add(alone.http)
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
    assert f"There are {MOST_WEBHOOKS} webhooks, the most" in refused.json()["error"]
    assert listed(alone.http) == added_to
    alone.http.delete(f"/api/webhooks/{added_to[0]['id']}")
    assert add(alone.http).status_code == 201
