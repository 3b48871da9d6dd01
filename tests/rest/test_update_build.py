"""Seed page "Update build": PATCH /api/v1/org/{org}/builds/{build_id}."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.http.served import Served
from tests.rest.conftest import BODY, NOWHERE
from tests.rest.failing import garble, no_growth, overwrite

BUILDS = "/api/v1/org/default/builds"


@pytest.fixture
def build(http: httpx2.Client, ticket: str) -> str:
    """The path of a registered build."""
    body = {"build_ref": "sha256:1", "display_name": "Nightly", "provider": "docker"}
    made = http.post(BUILDS, json=body)
    assert (made.status_code, made.json()["status"]) == (201, "ready")
    return f"{BUILDS}/{made.json()['id']}"


def test_successful_response(http: httpx2.Client, build: str) -> None:
    seed: dict[str, Any] = {
        "description": "example",
        "display_name": "example",
        "is_active": True,
        "metadata": {},
    }
    updated = http.patch(build, json=seed)
    assert updated.status_code == 200
    assert {name: updated.json()[name] for name in seed} == seed
    assert {**http.get(build).json(), "masked": None} == updated.json()


def test_absent_stays_and_null_clears(http: httpx2.Client, build: str) -> None:
    http.patch(build, json={"description": "d", "metadata": {"a": 1}})
    before = http.patch(build, json={"metadata": {"b": 2}}).json()
    assert (before["description"], before["metadata"]) == ("d", {"b": 2})
    assert http.patch(build, json={}).json() == before
    cleared = http.patch(build, json={"description": None, "metadata": None}).json()
    assert (cleared["description"], cleared["metadata"]) == (None, None)


def test_invalid_request(http: httpx2.Client, build: str) -> None:
    refused = http.patch(build, content=b"{")
    assert (refused.status_code, refused.json()["type"]) == (400, "invalid_error")


def test_authentication_failed(http: httpx2.Client, build: str) -> None:
    refused = http.patch(build, json={}, headers={"Authorization": ""})
    assert (refused.status_code, refused.json()["code"]) == (401, 401)
    assert refused.json()["type"] == "authentication_error"


def test_access_forbidden(http: httpx2.Client, build: str) -> None:
    refused = http.patch(build, json={}, headers={"Origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["type"]) == (403, "forbidden_error")


def test_not_found(http: httpx2.Client, build: str) -> None:
    for path in (f"{BUILDS}/{NOWHERE}", build.replace("default", "elsewhere")):
        refused = http.patch(path, json={})
        assert (refused.status_code, refused.json()["type"]) == (404, "not_found_error")


def test_validation_error(http: httpx2.Client, build: str) -> None:
    wrong: dict[str, Any] = {
        "display_name": None,
        "is_active": None,
        "status": "ready",
        "metadata": [],
    }
    refused = http.patch(build, json=wrong)
    assert (refused.status_code, refused.json()["type"]) == (422, "validation_error")
    assert {error["loc"][1] for error in refused.json()["errors"]} == set(wrong)
    assert {*refused.json()} == {"code", "detail", "errors", "type"}


def test_internal_server_error(http: httpx2.Client, build: str, store: Path) -> None:
    garble(store, "builds", "metadata")
    failed = http.patch(build, json={"is_active": False})
    assert (failed.status_code, failed.json()["type"]) == (500, "server_error")
    assert {*failed.json()} == {"code", "detail", "type"}
    assert http.get("/api/projects").status_code == 200


def test_bad_gateway(http: httpx2.Client, build: str, store: Path) -> None:
    overwrite(store)
    failed = http.patch(build, json={"is_active": False})
    assert (failed.status_code, failed.json()["type"]) == (502, "bad_gateway_error")
    assert {*failed.json()} == {"code", "detail", "type"}


def test_gateway_timeout(served: Served, build: str, store: Path) -> None:
    change = {"description": "d"}
    with no_growth(served, store):
        failed = served.http.patch(build, json=change)
        assert served.http.get(build).status_code == 200
    assert (failed.status_code, failed.json()["type"]) == (504, "gateway_timeout_error")
    assert "Look before a retry" in failed.json()["detail"]
    assert served.http.patch(build, json=change).json()["description"] == "d"


def test_a_method_that_the_address_does_not_take(http: httpx2.Client, build: str) -> None:
    refused = http.delete(build)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, PATCH")
    assert (refused.json()["code"], refused.json()["type"]) == (405, "app_error")


def test_what_was_masked_is_told(http: httpx2.Client) -> None:
    body = {
        "build_ref": "1",
        "display_name": "Nightly",
        "provider": "e2b",
        "description": f"with {'ghp_' + 'a1B2' * 9}",
    }
    made = http.post(BUILDS, json=body).json()
    assert made["masked"] == ["description"]
    path = f"{BUILDS}/{made['id']}"
    updated = http.patch(path, json={"metadata": {"token": body["description"]}}).json()
    assert updated["masked"] == ["metadata"]


def test_the_first_build_of_all_starts_the_organization_that_is_served(http: httpx2.Client) -> None:
    body = {"build_ref": "1", "display_name": "Nightly", "provider": "e2b"}
    elsewhere = BUILDS.replace("default", "elsewhere")
    assert http.post(elsewhere, json=body).status_code == 404
    assert http.post(BUILDS, json=body).status_code == 201
    assert len(http.get(BUILDS).json()["items"]) == 1


def test_a_tickets_builds_are_listed(http: httpx2.Client, ticket: str, build: str) -> None:
    project = ticket.split("/")[3]
    http.post(f"{ticket}/trigger-bot-build", json={})
    named = {"ticket": ticket.rpartition("/")[2], "project": project}
    for wanted in (named, {"ticket": "1", "project": project}, {"ticket": "HO-1-web-shop"}):
        found = http.get(BUILDS, params=wanted).json()["items"]
        assert [item["source_type"] for item in found] == ["ticket"], wanted
    assert http.get(BUILDS, params={"ticket": "HO-2-web-shop"}).status_code == 404


def test_what_is_filed_over_rest_belongs_to_the_organization_that_is_served(store: Path) -> None:
    with Served(store, HANDOFF_ORG="acme") as served:
        served.http.post("/api/projects", json={"name": "Shop"})
        served.http.post("/api/projects/shop/tickets", json=BODY)
        served.http.post("/api/projects/shop/tickets/1/trigger-bot-build", json={})
        assert len(served.http.get("/api/v1/org/acme/builds").json()["items"]) == 1
        assert served.http.get("/api/v1/org/default/builds").status_code == 404


def test_builds_are_listed_in_pages(http: httpx2.Client, build: str) -> None:
    for number in range(2):
        body = {"build_ref": f"{number}", "display_name": f"B {number}", "provider": "e2b"}
        http.post(BUILDS, json=body)
    first = http.get(BUILDS, params={"limit": 2}).json()
    second = http.get(BUILDS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    names = [item["display_name"] for item in first["items"] + second["items"]]
    assert names == ["B 1", "B 0", "Nightly"]
    assert second["next_cursor"] is None
