"""The ticket API's documented page "Execute or decline an AI suggestion":
POST …/ai-suggestions/{id}/action."""

from typing import Any

import httpx2
import pytest

from tests.http.served import Served, bearer, make_project, make_token
from tests.rest.conftest import NOWHERE, new_project, new_ticket
from tests.rest.failing import garble

REQUIRED = {
    "id",
    "run_id",
    "ticket_id",
    "ticket_title",
    "ticket_number",
    "suggestion_type",
    "confidence",
    "evidence",
    "suggested_action",
    "status",
}


@pytest.fixture
def suggestion(http: httpx2.Client, project: str, ticket: str) -> str:
    """The path of a pending suggestion to close the ticket."""
    return new_suggestion(http, project, ticket)


def new_suggestion(http: httpx2.Client, project: str, ticket: str) -> str:
    body = {"ticket_id": ticket.rpartition("/")[2], "evidence": {"pr": 7}}
    made = http.post(f"{project}/ai-suggestions", json=body)
    assert made.status_code == 201
    return f"{project}/ai-suggestions/{made.json()['suggestion']['id']}"


def test_an_executed_suggestion_comes_with_what_it_changed(
    http: httpx2.Client, suggestion: str
) -> None:
    executed = http.post(f"{suggestion}/action", json={"action": "execute", "reason": "example"})
    body = executed.json()
    assert executed.status_code == 200
    assert body["suggestion"].keys() >= REQUIRED
    assert body["suggestion"]["status"] == "executed"
    assert body["apply_result"] == {
        "merged": True,
        "new_stage": "live",
        "roles_marked_done": ["backend", "merged"],
    }


def test_a_declined_suggestion_comes_without_a_result(http: httpx2.Client, suggestion: str) -> None:
    declined = http.post(f"{suggestion}/action", json={"action": "decline"}).json()
    assert declined["suggestion"]["status"] == "declined"
    assert declined["apply_result"] is None


def test_the_same_key_gives_the_same_result(http: httpx2.Client, suggestion: str) -> None:
    action, headers = f"{suggestion}/action", {"Idempotency-Key": "k"}
    first = http.post(action, json={"action": "execute"}, headers=headers)
    assert first.status_code == 200
    again = http.post(action, json={"action": "execute"}, headers=headers)
    assert again.json() == first.json()
    assert [each.headers.get("Idempotent-Replayed") for each in (first, again)] == [None, "true"]
    assert http.post(action, json={"action": "execute"}).status_code == 409


def test_a_second_proposal_for_a_commit_is_the_first_and_a_closed_ticket_takes_none(
    http: httpx2.Client, project: str, ticket: str
) -> None:
    body: dict[str, Any] = {"ticket_id": ticket.rpartition("/")[2], "evidence": {}}
    body |= {"merge_sha": "9f2c1e7"}
    first, again = (http.post(f"{project}/ai-suggestions", json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == {**first.json(), "deduplicated": True}
    action = f"{project}/ai-suggestions/{first.json()['suggestion']['id']}/action"
    assert http.post(action, json={"action": "execute"}).status_code == 200
    refused = http.post(f"{project}/ai-suggestions", json=body)
    assert (refused.status_code, refused.json()["code"]) == (400, "TICKET_CLOSED")


def test_an_action_or_an_address_that_is_invalid_is_refused(
    http: httpx2.Client, suggestion: str, project: str
) -> None:
    for body in ({}, {"action": "merge"}, {"action": "execute", "reason": "x" * 2001}):
        assert http.post(f"{suggestion}/action", json=body).status_code == 400
    malformed = f"{project}/ai-suggestions/7/action"
    assert http.post(malformed, json={"action": "execute"}).status_code == 400


def test_a_call_without_a_valid_token_is_told_so(http: httpx2.Client, suggestion: str) -> None:
    action = {"action": "execute"}
    refused = http.post(f"{suggestion}/action", json=action, headers=bearer("mho_0"))
    assert refused.status_code == 401


def test_a_page_of_a_foreign_origin_is_forbidden_to_act(
    http: httpx2.Client, suggestion: str
) -> None:
    headers = {"Origin": "https://evil.example"}
    refused = http.post(f"{suggestion}/action", json={"action": "execute"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


def test_a_suggestion_that_is_not_there_or_not_for_this_token_is_not_found(
    http: httpx2.Client, suggestion: str, project: str, served: Served
) -> None:
    action = {"action": "execute"}
    assert http.post(f"{project}/ai-suggestions/{NOWHERE}/action", json=action).status_code == 404
    make_project(served.store, "other")
    limited = bearer(make_token(served.store, "eve", "user", "other"))
    hidden = http.post(f"{suggestion}/action", json=action, headers=limited)
    assert hidden.status_code == 404


def test_a_suggestion_that_is_no_longer_pending_says_what_became_of_it(
    http: httpx2.Client, suggestion: str
) -> None:
    http.post(f"{suggestion}/action", json={"action": "decline"})
    refused = http.post(f"{suggestion}/action", json={"action": "execute"})
    assert (refused.status_code, refused.json()["code"]) == (409, "SUGGESTION_NOT_PENDING")
    assert refused.json()["state"] == "declined"
    assert "declined" in refused.json()["error"]


def test_a_row_that_can_not_be_read_is_a_server_error_and_the_server_goes_on(
    alone: Served,
) -> None:
    project = new_project(alone.http)
    suggestion = new_suggestion(alone.http, project, new_ticket(alone.http, project))
    garble(alone, "suggestions", "evidence")
    failed = alone.http.post(f"{suggestion}/action", json={"action": "decline"})
    assert (failed.status_code, failed.json()["code"]) == (500, "INTERNAL")
    assert {*failed.json()} == {"error", "code"}
    assert alone.http.get("/api/projects").status_code == 200


def test_the_list_counts_its_own_rows(http: httpx2.Client, suggestion: str) -> None:
    listed = suggestion.rpartition("/")[0]
    for status, total in (("pending", 1), ("executed", 0), ("any", 1)):
        assert http.get(listed, params={"status": status}).json()["total"] == total
    assert http.get(listed, params={"limit": 200}).status_code == 200
    assert http.get(listed, params={"limit": 201}).status_code == 400
