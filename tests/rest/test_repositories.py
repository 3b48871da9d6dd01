"""Repositories and policies over REST, which are for admins."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tests.http.served import Served, make_project, make_token
from tests.rest.conftest import NOWHERE


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose client has an admin's token."""
    store = tmp_path_factory.mktemp("repositories") / "handoff.db"
    make_project(store, "shop")
    with Served(store, token=make_token(store, "ada", "admin")) as running:
        yield running


def link(http: httpx2.Client, name: str, **more: str) -> httpx2.Response:
    return http.post("/api/repositories", json={"name": name, "project": "shop", **more})


def listed(http: httpx2.Client) -> list[dict[str, Any]]:
    answer = http.get("/api/repositories")
    assert answer.status_code == 200
    assert "mhh_" not in answer.text
    return answer.json()["repositories"]


def test_a_repository_is_linked_with_a_secret_that_is_shown_once(http: httpx2.Client) -> None:
    linked = link(http, "acme/once")
    assert linked.status_code == 201
    repository, secret = linked.json()["repository"], linked.json()["secret"]
    assert secret.startswith("mhh_")
    assert (repository["name"], repository["forge"], repository["project"]) == (
        "acme/once",
        "github",
        "shop",
    )
    assert UUID(repository["id"])
    assert repository["last_delivery_at"] is None
    assert repository in listed(http)


def test_a_repository_is_of_one_project_and_each_forge_has_its_own(http: httpx2.Client) -> None:
    assert link(http, "acme/web/single", forge="gitlab").status_code == 201
    repeated = link(http, "ACME/web/single", forge="gitlab")
    assert (repeated.status_code, repeated.json()["code"]) == (409, "ALREADY_EXISTS")
    assert "linked to project shop already" in repeated.json()["error"]
    assert link(http, "acme/web/single", forge="forgejo").status_code == 201


@pytest.mark.parametrize("name", ["shop", "/shop", "acme/", "acme/a b", "acme/ü", "a/" * 120, 5])
def test_a_repository_is_named_owner_slash_name(http: httpx2.Client, name: Any) -> None:
    refused = link(http, name)
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
    assert refused.json()["fieldErrors"].keys() == {"name"}


def test_a_project_that_is_not_there_is_not_linked(http: httpx2.Client) -> None:
    before = listed(http)
    assert link(http, "acme/lost", project="nowhere").status_code == 404
    assert link(http, "acme/lost", forge="svn").status_code == 400
    assert listed(http) == before


def test_an_unlinked_repository_is_gone_and_may_be_linked_anew(http: httpx2.Client) -> None:
    linked = link(http, "acme/gone").json()
    address = f"/api/repositories/{linked['repository']['id']}"
    unlinked = http.delete(address)
    assert (unlinked.status_code, unlinked.json()) == (200, {"repository": linked["repository"]})
    assert linked["repository"] not in listed(http)
    assert http.delete(address).status_code == 404
    assert link(http, "acme/gone").json()["secret"] != linked["secret"]


def test_the_id_of_no_repository_is_nowhere_and_what_is_no_id_is_wrong(
    http: httpx2.Client,
) -> None:
    assert http.delete(f"/api/repositories/{NOWHERE}").status_code == 404
    assert http.delete("/api/repositories/acme").status_code == 400


def test_a_policy_is_switched_and_the_others_stay(http: httpx2.Client) -> None:
    http.post("/api/projects", json={"name": "App"})
    address = "/api/projects/app"
    changed = http.patch(address, json={"auto_close": True, "four_eyes": False}).json()
    assert changed["changed"] == ["auto_close"]
    project = changed["project"]
    policies = [project[name] for name in ("auto_close", "require_proof", "four_eyes")]
    assert policies == [True, False, False]
    again = http.patch(address, json={"auto_close": True}).json()
    assert again == {"project": project, "changed": []}
    assert http.patch(address, json={}).json() == again
    assert project in http.get("/api/projects").json()["projects"]
    events = http.get(f"{address}/events").json()["events"]
    [event] = [event for event in events if event["kind"] == "project.changed"]
    assert (event["before"], event["after"]) == ({"auto_close": False}, {"auto_close": True})


@pytest.mark.parametrize(
    "wrong", [{"auto_close": "maybe"}, {"closes": True}, {"project": "app"}, {"four_eyes": 5}]
)
def test_a_policy_that_is_none_changes_nothing(http: httpx2.Client, wrong: dict[str, Any]) -> None:
    refused = http.patch("/api/projects/shop", json={"require_proof": True, **wrong})
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
    assert http.patch("/api/projects/shop", json={}).json()["project"]["require_proof"] is False


def test_the_policies_of_no_project_are_not_found(http: httpx2.Client) -> None:
    assert http.patch("/api/projects/nowhere", json={"auto_close": True}).status_code == 404
