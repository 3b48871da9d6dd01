"""Seed page "Execute or decline an AI suggestion": POST …/ai-suggestions/{id}/action."""

from pathlib import Path

import httpx2
import pytest

from tests.http.served import Served, make_token
from tests.rest.conftest import NOWHERE
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
    body = {"ticket_id": ticket.rpartition("/")[2], "evidence": {"pr": 7}}
    made = http.post(f"{project}/ai-suggestions", json=body)
    assert made.status_code == 201
    return f"{project}/ai-suggestions/{made.json()['suggestion']['id']}"


def test_updated_suggestion_with_its_apply_result(http: httpx2.Client, suggestion: str) -> None:
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


def test_updated_suggestion_that_was_declined(http: httpx2.Client, suggestion: str) -> None:
    declined = http.post(f"{suggestion}/action", json={"action": "decline"}).json()
    assert declined["suggestion"]["status"] == "declined"
    assert declined["apply_result"] is None


def test_invalid_request(http: httpx2.Client, suggestion: str, project: str) -> None:
    for body in ({}, {"action": "merge"}, {"action": "execute", "reason": "x" * 2001}):
        assert http.post(f"{suggestion}/action", json=body).status_code == 400
    malformed = f"{project}/ai-suggestions/7/action"
    assert http.post(malformed, json={"action": "execute"}).status_code == 400


def test_not_authenticated(http: httpx2.Client, suggestion: str) -> None:
    headers = {"Authorization": "Bearer mho_0"}
    refused = http.post(f"{suggestion}/action", json={"action": "execute"}, headers=headers)
    assert refused.status_code == 401


def test_forbidden(http: httpx2.Client, suggestion: str) -> None:
    headers = {"Origin": "https://evil.example"}
    refused = http.post(f"{suggestion}/action", json={"action": "execute"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


def test_not_found(
    http: httpx2.Client, suggestion: str, project: str, served: Served, store: Path
) -> None:
    action = {"action": "execute"}
    assert http.post(f"{project}/ai-suggestions/{NOWHERE}/action", json=action).status_code == 404
    http.post("/api/projects", json={"name": "Other"})
    limited = make_token(store, "eve", "--role", "user", "--project", "other")
    headers = {"Authorization": f"Bearer {limited}"}
    hidden = served.http.post(f"{suggestion}/action", json=action, headers=headers)
    assert hidden.status_code == 404


def test_suggestion_is_not_pending(http: httpx2.Client, suggestion: str) -> None:
    http.post(f"{suggestion}/action", json={"action": "decline"})
    refused = http.post(f"{suggestion}/action", json={"action": "execute"})
    assert (refused.status_code, refused.json()["code"]) == (409, "SUGGESTION_NOT_PENDING")
    assert refused.json()["state"] == "declined"
    assert "declined" in refused.json()["error"]


def test_server_error(http: httpx2.Client, suggestion: str, store: Path) -> None:
    garble(store, "suggestions", "evidence")
    failed = http.post(f"{suggestion}/action", json={"action": "decline"})
    assert (failed.status_code, failed.json()["code"]) == (500, "INTERNAL")
    assert {*failed.json()} == {"error", "code"}
    assert http.get("/api/projects").status_code == 200


def test_the_list_counts_its_own_rows(http: httpx2.Client, suggestion: str) -> None:
    listed = suggestion.rpartition("/")[0]
    for status, total in (("pending", 1), ("executed", 0), ("any", 1)):
        assert http.get(listed, params={"status": status}).json()["total"] == total
    assert http.get(listed, params={"limit": 200}).status_code == 200
    assert http.get(listed, params={"limit": 201}).status_code == 400
