"""Seed page "Update build": PATCH /api/v1/org/{org}/builds/{build_id}."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.rest.conftest import BODY, NOWHERE
from tests.web.served import Served

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
