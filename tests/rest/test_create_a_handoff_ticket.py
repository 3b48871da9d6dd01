"""The ticket API's documented page "Create a handoff ticket": POST /projects/{id}/tickets."""

from typing import Any

import httpx2
import pytest

from tests.http.served import Served, bearer, make_project, make_token
from tests.rest.conftest import BODY, NOWHERE, new_project
from tests.rest.failing import no_growth, overwrite

JSON = {"Content-Type": "application/json"}


def test_a_ticket_with_every_documented_field_is_created_as_it_was_sent(
    http: httpx2.Client, project: str
) -> None:
    documented: dict[str, Any] = {
        **BODY,
        "evidence": {},
        "suggested_resolution": "example",
        "implementation_notes": "example",
        "actor_role": "user",
        "actor_id": "example",
        "source": "example",
    }
    created = http.post(f"{project}/tickets", json=documented)
    ticket = created.json()["ticket"]
    assert created.status_code == 201
    assert {"id", "status", "created_at", "stage", "roles"} <= ticket.keys()
    assert (ticket["actor_role"], ticket["actor_id"], ticket["source"]) == (
        "user",
        "example",
        "example",
    )


def test_a_person_may_leave_roles_out_and_is_stamped_user_and_portal(
    http: httpx2.Client, project: str
) -> None:
    body = {name: value for name, value in BODY.items() if name != "roles"}
    ticket = http.post(f"{project}/tickets", json=body).json()["ticket"]
    assert (ticket["actor_role"], ticket["actor_id"], ticket["source"]) == (
        "user",
        "ada",
        "portal",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("priority", "High"),
        ("priority", None),
        ("request_type", "feature request"),
        ("roles", "backend"),
        ("roles", ["Backend"]),
        ("blocking", "true"),
        ("evidence", "PR 7 is merged"),
        ("evidence", '{"pr": 7}'),
        ("title", 404_404),
    ],
)
def test_a_body_is_taken_to_the_letter(
    http: httpx2.Client, project: str, name: str, value: object
) -> None:
    """What a tool takes for meant is not taken here."""
    refused = http.post(f"{project}/tickets", json={**BODY, name: value})
    assert refused.status_code == 400
    assert {path.partition(".")[0] for path in refused.json()["fieldErrors"]} == {name}
    wrapped = http.post(f"{project}/tickets", json={"arguments": {**BODY}})
    assert "arguments" in wrapped.json()["fieldErrors"]


def test_an_invalid_request_is_told_every_wrong_field_and_files_nothing(
    http: httpx2.Client, project: str
) -> None:
    wrong = {**BODY, "title": "x", "priority": "urgent", "roles": ["boss"], "colour": 1}
    del wrong["blocking"]
    refused = http.post(f"{project}/tickets", json=wrong)
    error = refused.json()
    assert (refused.status_code, error["code"]) == (400, "VALIDATION_ERROR")
    named = {"title", "priority", "roles.0", "colour", "blocking"}
    assert set(error["fieldErrors"]) == named
    assert {issue["path"] for issue in error["issues"]} == named
    for body in (b"{", b"[]", b"", b"\xff"):
        refused = http.post(f"{project}/tickets", content=body, headers=JSON)
        assert (refused.status_code, refused.json()["code"]) == (400, "MALFORMED")
    assert http.get(f"{project}/tickets").json()["tickets"] == []


def test_a_bot_that_names_no_roles_is_refused_whatever_role_it_claims(
    served: Served, project: str
) -> None:
    bot = bearer(make_token(served.store, "ci", "bot"))
    body: dict[str, Any] = {**BODY, "roles": [], "actor_role": "user"}
    refused = served.http.post(f"{project}/tickets", json=body, headers=bot)
    assert (refused.status_code, refused.json()["code"]) == (400, "ROLES_REQUIRED")


def test_a_call_without_a_valid_token_is_told_so(http: httpx2.Client, project: str) -> None:
    refused = http.post(f"{project}/tickets", json=BODY, headers=bearer("x"))
    assert refused.status_code == 401
    assert refused.json()["code"] == "UNAUTHENTICATED"
    assert "reconnect" not in refused.json()


def test_a_token_for_another_project_files_nothing_here(served: Served, project: str) -> None:
    make_project(served.store, "other")
    limited = bearer(make_token(served.store, "eve", "user", "other"))
    refused = served.http.post(f"{project}/tickets", json=BODY, headers=limited)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


def test_a_project_that_is_not_there_is_not_found(http: httpx2.Client) -> None:
    refused = http.post(f"/api/projects/{NOWHERE}/tickets", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")


def test_a_method_that_the_address_does_not_take_is_told_which_it_does(
    http: httpx2.Client, project: str
) -> None:
    refused = http.put(f"{project}/tickets", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert refused.headers["Allow"] == "GET, POST"


def test_a_store_that_was_overwritten_is_unavailable(alone: Served) -> None:
    project = new_project(alone.http)
    overwrite(alone)
    failed = alone.http.post(f"{project}/tickets", json=BODY)
    assert (failed.status_code, failed.json()["code"]) == (502, "BACKEND_UNAVAILABLE")
    assert alone.http.get(f"{project}/tickets").status_code == 502


def test_a_disk_that_fails_inside_the_commit_leaves_the_outcome_unknown(alone: Served) -> None:
    project = new_project(alone.http)
    with no_growth(alone):
        failed = alone.http.post(f"{project}/tickets", json=BODY)
        assert alone.http.get(f"{project}/tickets").status_code == 200
    assert (failed.status_code, failed.json()["code"]) == (504, "OUTCOME_UNKNOWN")
    assert alone.http.post(f"{project}/tickets", json=BODY).status_code == 201


def test_the_same_key_gives_the_same_ticket(http: httpx2.Client, project: str) -> None:
    headers = {"Idempotency-Key": "k"}
    first = http.post(f"{project}/tickets", json=BODY, headers=headers)
    again = http.post(f"{project}/tickets", json=BODY, headers=headers)
    assert again.json() == first.json()
    assert [each.headers.get("Idempotent-Replayed") for each in (first, again)] == [None, "true"]
    other = http.post(f"{project}/tickets", json={**BODY, "priority": "low"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (400, "IDEMPOTENCY_KEY_REUSED")


def test_the_same_key_gives_the_same_project(http: httpx2.Client, project: str) -> None:
    headers = {"Idempotency-Key": project}
    body = {"name": f"Another {project.rpartition('/')[2]}"}
    first = http.post("/api/projects", json=body, headers=headers)
    assert first.status_code == 201
    again = http.post("/api/projects", json=body, headers=headers)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert http.post("/api/projects", json=body).status_code == 409


def test_the_list_has_the_documented_row_and_its_filters(http: httpx2.Client, ticket: str) -> None:
    listed = ticket.rpartition("/")[0]
    row = http.get(listed).json()["tickets"][0]
    assert row["category"] == row["request_type"] == "bug"
    assert row["severity"] == row["priority"] == "high"
    assert row["suggested_backend_change"] is row["suggested_resolution"] is row["deployed_at"]
    role = row["roles"][0]
    assert (role["role"], role["status"], role["handoff_request_id"]) == (
        "backend",
        "pending",
        row["id"],
    )
    assert "description" not in http.get(listed, params={"slim": 1}).json()["tickets"][0]
    for found in ({"stage": "backlog,live"}, {"role": "merged"}, {"q": "checkout"}, {"q": "1"}):
        assert len(http.get(listed, params=found).json()["tickets"]) == 1, found
    for missed in ({"stage": "live"}, {"role": "qa"}, {"status": "closed"}, {"offset": 1}):
        assert http.get(listed, params=missed).json()["tickets"] == [], missed
    for wrong in ({"stage": "x"}, {"limit": 0}, {"limit": 2001}, {"slim": 2}, {"cursor": "x"}):
        assert http.get(listed, params=wrong).status_code == 400, wrong
