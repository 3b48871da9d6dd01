"""The builds API's documented page "Update build": PATCH /api/v1/org/{org}/builds/{build_id}."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.http.served import Served
from tests.rest.conftest import BODY, NOWHERE
from tests.rest.failing import garble, no_growth, overwrite

BUILDS = "/api/v1/org/default/builds"


@pytest.fixture
def build(http: httpx2.Client) -> str:
    """The path of a registered build."""
    return new_build(http)


def new_build(http: httpx2.Client) -> str:
    body = {"build_ref": "sha256:1", "display_name": "Nightly", "provider": "docker"}
    made = http.post(BUILDS, json=body)
    assert (made.status_code, made.json()["status"]) == (201, "ready")
    return f"{BUILDS}/{made.json()['id']}"


def test_an_update_with_every_documented_field_is_answered_and_kept(
    http: httpx2.Client, build: str
) -> None:
    documented: dict[str, Any] = {
        "description": "example",
        "display_name": "example",
        "is_active": True,
        "metadata": {},
    }
    updated = http.patch(build, json=documented)
    assert updated.status_code == 200
    assert {name: updated.json()[name] for name in documented} == documented
    assert {**http.get(build).json(), "masked": None} == updated.json()


def test_what_is_absent_stays_and_what_is_null_is_cleared(http: httpx2.Client, build: str) -> None:
    http.patch(build, json={"description": "d", "metadata": {"a": 1}})
    before = http.patch(build, json={"metadata": {"b": 2}}).json()
    assert (before["description"], before["metadata"]) == ("d", {"b": 2})
    assert http.patch(build, json={}).json() == before
    cleared = http.patch(build, json={"description": None, "metadata": None}).json()
    assert (cleared["description"], cleared["metadata"]) == (None, None)


def test_the_same_key_gives_the_same_build(http: httpx2.Client, build: str) -> None:
    headers = {"Idempotency-Key": "k"}
    body = {"build_ref": "sha256:2", "display_name": "Keyed", "provider": "docker"}
    made = http.post(BUILDS, json=body, headers=headers)
    again = http.post(BUILDS, json=body, headers=headers)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (made.json(), "true")
    updated = http.patch(build, json={"description": "One"}, headers=headers)
    http.patch(build, json={"description": "Two"})
    again = http.patch(build, json={"description": "One"}, headers=headers)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (updated.json(), "true")
    assert http.get(build).json()["description"] == "Two"
    other = http.patch(build, json={"description": None}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "conflict_error")


def test_a_body_that_is_no_json_is_refused(http: httpx2.Client, build: str) -> None:
    refused = http.patch(build, content=b"{")
    assert (refused.status_code, refused.json()["type"]) == (400, "invalid_error")


def test_a_call_without_a_token_is_told_so_in_the_builds_apis_words(
    http: httpx2.Client, build: str
) -> None:
    refused = http.patch(build, json={}, headers={"Authorization": ""})
    assert (refused.status_code, refused.json()["code"]) == (401, 401)
    assert refused.json()["type"] == "authentication_error"


def test_a_page_of_a_foreign_origin_is_forbidden_to_update(http: httpx2.Client, build: str) -> None:
    refused = http.patch(build, json={}, headers={"Origin": "https://evil.example"})
    assert (refused.status_code, refused.json()["type"]) == (403, "forbidden_error")


def test_a_build_that_is_not_there_or_not_of_this_organization_is_not_found(
    http: httpx2.Client, build: str
) -> None:
    for path in (f"{BUILDS}/{NOWHERE}", build.replace("default", "elsewhere")):
        refused = http.patch(path, json={})
        assert (refused.status_code, refused.json()["type"]) == (404, "not_found_error")


def test_every_wrong_field_is_told_where_it_is(http: httpx2.Client, build: str) -> None:
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


def test_a_row_that_can_not_be_read_is_a_server_error_and_the_server_goes_on(
    alone: Served,
) -> None:
    build = new_build(alone.http)
    garble(alone, "builds", "metadata")
    failed = alone.http.patch(build, json={"is_active": False})
    assert (failed.status_code, failed.json()["type"]) == (500, "server_error")
    assert {*failed.json()} == {"code", "detail", "type"}
    assert alone.http.get("/api/projects").status_code == 200


def test_a_store_that_was_overwritten_is_a_bad_gateway(alone: Served) -> None:
    build = new_build(alone.http)
    overwrite(alone)
    failed = alone.http.patch(build, json={"is_active": False})
    assert (failed.status_code, failed.json()["type"]) == (502, "bad_gateway_error")
    assert {*failed.json()} == {"code", "detail", "type"}


def test_a_disk_that_fails_inside_the_commit_is_a_gateway_timeout(alone: Served) -> None:
    build, change = new_build(alone.http), {"description": "d"}
    with no_growth(alone):
        failed = alone.http.patch(build, json=change)
        assert alone.http.get(build).status_code == 200
    assert (failed.status_code, failed.json()["type"]) == (504, "gateway_timeout_error")
    assert "Look before a retry" in failed.json()["detail"]
    assert alone.http.patch(build, json=change).json()["description"] == "d"


def test_a_method_that_the_address_does_not_take_is_told_which_it_does(
    http: httpx2.Client, build: str
) -> None:
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


def test_the_first_build_of_all_starts_the_organization_that_is_served(alone: Served) -> None:
    body = {"build_ref": "1", "display_name": "Nightly", "provider": "e2b"}
    elsewhere = BUILDS.replace("default", "elsewhere")
    assert alone.http.post(elsewhere, json=body).status_code == 404
    assert alone.http.post(BUILDS, json=body).status_code == 201
    assert len(alone.http.get(BUILDS).json()["items"]) == 1


def test_a_tickets_builds_are_listed(http: httpx2.Client, ticket: str, build: str) -> None:
    project = ticket.split("/")[3]
    triggered = http.post(f"{ticket}/trigger-bot-build", json={}).json()["ticket"]
    named = {"ticket": ticket.rpartition("/")[2], "project": project}
    reference = str(triggered["reference"])
    for wanted in (named, {"ticket": "1", "project": project}, {"ticket": reference}):
        found = http.get(BUILDS, params=wanted).json()["items"]
        assert [item["source_type"] for item in found] == ["ticket"], wanted
    assert http.get(BUILDS, params={"ticket": reference.replace("-1-", "-2-")}).status_code == 404


def test_what_is_filed_over_rest_belongs_to_the_organization_that_is_served(store: Path) -> None:
    with Served(store, HANDOFF_ORG="acme") as served:
        served.http.post("/api/projects", json={"name": "Shop"})
        served.http.post("/api/projects/shop/tickets", json=BODY)
        served.http.post("/api/projects/shop/tickets/1/trigger-bot-build", json={})
        assert len(served.http.get("/api/v1/org/acme/builds").json()["items"]) == 1
        assert served.http.get("/api/v1/org/default/builds").status_code == 404


def test_builds_are_listed_in_pages(alone: Served) -> None:
    http = alone.http
    new_build(http)
    for number in range(2):
        body = {"build_ref": f"{number}", "display_name": f"B {number}", "provider": "e2b"}
        http.post(BUILDS, json=body)
    first = http.get(BUILDS, params={"limit": 2}).json()
    second = http.get(BUILDS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    names = [item["display_name"] for item in first["items"] + second["items"]]
    assert names == ["B 1", "B 0", "Nightly"]
    assert second["next_cursor"] is None
