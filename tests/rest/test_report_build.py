"""POST /api/v1/org/{org}/builds/{build_id}/report: how a build went, in the builds API's words."""

import httpx2
import pytest

from tests.rest.conftest import NOWHERE
from tests.rest.test_update_build import BUILDS, new_build


@pytest.fixture
def build(http: httpx2.Client, ticket: str) -> str:
    """The path of a ticket's triggered build."""
    triggered = http.post(f"{ticket}/trigger-bot-build", json={}).json()["ticket"]
    return f"{BUILDS}/{triggered['ai_output']['build_run']['build_id']}"


def test_a_report_answers_with_the_build_as_it_now_is(
    http: httpx2.Client, ticket: str, build: str
) -> None:
    told = {"build_ref": "img@sha256:9f2c", "url": "https://ci.example/7"}
    reported = http.post(f"{build}/report", json={"status": "succeeded", **told})
    assert reported.status_code == 200
    assert {**http.get(build).json(), "masked": None} == reported.json()
    assert reported.json()["status"] == "ready"
    assert {name: reported.json()[name] for name in told} == told
    output = http.get(ticket).json()["ticket"]["ai_output"]
    assert output["build_run"] == reported.json()["run"]


def test_a_report_that_changes_nothing_says_so_in_a_header(http: httpx2.Client, build: str) -> None:
    first = http.post(f"{build}/report", json={"status": "failed", "error_message": "No image."})
    late = http.post(f"{build}/report", json={"status": "succeeded"})
    assert late.json() == first.json()
    headers = [response.headers.get("Handoff-Already") for response in (first, late)]
    assert headers == [None, "true"]
    made = new_build(http)
    assert http.post(f"{made}/report", json={"status": "running"}).json()["status"] == "ready"


def test_the_same_key_gives_the_same_report(http: httpx2.Client, build: str) -> None:
    headers = {"Idempotency-Key": "k"}
    first = http.post(f"{build}/report", json={"status": "running"}, headers=headers)
    http.post(f"{build}/report", json={"status": "succeeded"})
    again = http.post(f"{build}/report", json={"status": "running"}, headers=headers)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    other = http.post(f"{build}/report", json={"status": "failed"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (409, "conflict_error")


def test_every_wrong_field_is_told_where_it_is(http: httpx2.Client, build: str) -> None:
    wrong = {"error_message": "no", "url": "ci.example", "ticket": "1", "provider": "ci"}
    refused = http.post(f"{build}/report", json={"status": "running", **wrong})
    assert (refused.status_code, refused.json()["type"]) == (422, "validation_error")
    assert {error["loc"][1] for error in refused.json()["errors"]} == wrong.keys()
    assert "there are build_ref, status, error_message, url" in refused.json()["detail"]


def test_a_build_that_is_not_there_or_not_of_this_organization_is_not_found(
    http: httpx2.Client, build: str
) -> None:
    for path in (f"{BUILDS}/{NOWHERE}", build.replace("default", "elsewhere")):
        refused = http.post(f"{path}/report", json={"status": "running"})
        assert (refused.status_code, refused.json()["type"]) == (404, "not_found_error")
