"""The ticket API's documented page "Trigger bot build phase for a ticket":
POST …/trigger-bot-build."""

import httpx2

from tests.rest.conftest import NOWHERE


def test_a_triggered_build_is_queued_and_triggered_once(http: httpx2.Client, ticket: str) -> None:
    triggered = http.post(
        f"{ticket}/trigger-bot-build", json={"provider": "example", "repo": "acme/shop"}
    )
    run = triggered.json()["ticket"]["ai_output"]["build_run"]
    assert triggered.status_code == 200
    assert (run["status"], run["provider"], run["repo"]) == ("queued", "example", "acme/shop")
    again = http.post(f"{ticket}/trigger-bot-build", json={})
    assert again.json() == triggered.json()
    assert {*again.json()} == {"ticket"}
    assert [each.headers.get("Handoff-Already") for each in (triggered, again)] == [None, "true"]


def test_an_invalid_request_is_told_its_wrong_field(http: httpx2.Client, ticket: str) -> None:
    for body in ({"repo": "example"}, {"provider": 5}, {"colour": "red"}):
        refused = http.post(f"{ticket}/trigger-bot-build", json=body)
        assert (refused.status_code, list(refused.json()["fieldErrors"])) == (400, list(body))
    malformed = ticket.rpartition("/")[0] + "/what/trigger-bot-build"
    assert http.post(malformed, json={}).status_code == 400


def test_a_closed_ticket_takes_no_build(http: httpx2.Client, ticket: str) -> None:
    project = ticket.rpartition("/tickets/")[0]
    body = {"ticket_id": ticket.rpartition("/")[2], "evidence": {"pr": 7}}
    made = http.post(f"{project}/ai-suggestions", json=body).json()["suggestion"]
    http.post(f"{project}/ai-suggestions/{made['id']}/action", json={"action": "execute"})
    refused = http.post(f"{ticket}/trigger-bot-build", json={})
    assert (refused.status_code, refused.json()["code"]) == (400, "TICKET_CLOSED")


def test_a_call_without_a_token_is_told_so(http: httpx2.Client, ticket: str) -> None:
    headers = {"Authorization": ""}
    assert http.post(f"{ticket}/trigger-bot-build", json={}, headers=headers).status_code == 401


def test_a_ticket_that_is_not_there_is_not_found(http: httpx2.Client, ticket: str) -> None:
    elsewhere = ticket.rpartition("/")[0] + f"/{NOWHERE}/trigger-bot-build"
    refused = http.post(elsewhere, json={})
    assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")
