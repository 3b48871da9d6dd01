"""What Forgejo and Gitea tell, by the payloads that their sources declare."""

import json

import pytest

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.hooks.forges import FORGES
from mcp_handoff.merges import Check, CheckState, Commit, Delivery, PullRequest, Push
from tests.hooks.deliveries import DELIVERY_ID, HEAD, read, recorded

OPENED = PullRequest(
    number=7,
    title="Log in with a key",
    body="Closes HO-12.",
    branch="login",
    base="main",
    state="open",
    draft=False,
    head_sha=HEAD,
    merge_sha=None,
    url="https://forge.example.com/acme/shop/pulls/7",
    changed_at="2026-03-01T09:30:00.000Z",
)


def pull_request(**changes: object) -> PullRequest:
    payload = recorded("forgejo/pull_request", {"pull_request": changes})
    (told,) = read("forgejo", "pull_request", payload).facts
    assert isinstance(told, PullRequest)
    return told


def test_an_opened_pull_request_is_told_whole() -> None:
    payload = recorded("forgejo/pull_request")
    assert read("forgejo", "pull_request", payload) == Delivery(
        id=DELIVERY_ID, repository="acme/shop", default_branch="main", facts=[OPENED]
    )


def test_gitea_says_the_same_under_its_own_headers() -> None:
    headers = {"x-gitea-event": "pull_request", "x-gitea-delivery": "its own"}
    body = json.dumps(recorded("forgejo/pull_request")).encode()
    told = FORGES["forgejo"].read(headers, body)
    assert (told.id, told.facts) == ("its own", [OPENED])


def test_only_a_merge_names_its_commit() -> None:
    closed = pull_request(state="closed", merge_commit_sha="a" * 40)
    assert (closed.state, closed.merge_sha) == ("closed", None)
    merged = pull_request(state="closed", merge_commit_sha="a" * 40, merged=True)
    assert (merged.state, merged.merge_sha) == ("merged", "a" * 40)


def test_a_push_tells_the_oldest_commit_first_though_the_newest_is_sent_first() -> None:
    payload = recorded("forgejo/push")
    pushed = [
        Push(
            "main",
            HEAD,
            [
                Commit("b6568db1bc1dcd7f8b4d5a946b0b91f9dacd7327", "Prepare\n"),
                Commit(HEAD, "Log in with a key\n\nFixes HO-12.\n"),
            ],
            "2026-03-01T09:20:00.000Z",
        )
    ]
    assert read("forgejo", "push", payload).facts == pushed
    payload["commits"].reverse()
    assert read("forgejo", "push", payload).facts == pushed


def test_a_push_without_commits_tells_nothing() -> None:
    payload = recorded("forgejo/push", {"commits": None})
    assert read("forgejo", "push", payload).facts == []


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("success", "passed"),
        ("skipped", "passed"),
        ("failure", "failed"),
        ("error", "failed"),
        ("pending", "pending"),
        ("warning", "pending"),
    ],
)
def test_a_status_is_a_check_by_its_context(told: str, state: CheckState) -> None:
    payload = recorded("forgejo/status", {"state": told})
    facts = [Check(HEAD, "ci/unit", state, "2026-03-01T09:34:00.123Z")]
    assert read("forgejo", "status", payload).facts == facts


def test_a_status_that_never_changed_is_as_old_as_it_is() -> None:
    payload = recorded("forgejo/status", {"updated_at": None})
    (told,) = read("forgejo", "status", payload).facts
    assert isinstance(told, Check)
    assert told.changed_at == "2026-03-01T09:31:00.000Z"


def test_a_run_of_giteas_actions_is_a_check_by_its_workflow() -> None:
    payload = recorded("forgejo/workflow_run")
    facts = [Check(HEAD, "CI", "passed", "2026-03-01T09:34:00.000Z")]
    assert read("forgejo", "workflow_run", payload).facts == facts


def test_a_run_that_has_not_ended_is_as_old_as_its_start() -> None:
    payload = recorded("forgejo/workflow_run")
    del payload["workflow_run"]["conclusion"]
    payload["workflow_run"]["completed_at"] = "0001-01-01T00:00:00Z"
    facts = [Check(HEAD, "CI", "pending", "2026-03-01T09:31:00.000Z")]
    assert read("forgejo", "workflow_run", payload).facts == facts


@pytest.mark.parametrize(("told", "state"), [("success", "passed"), ("failure", "failed")])
def test_a_run_of_forgejos_actions_names_its_repository_itself(
    told: str, state: CheckState
) -> None:
    payload = recorded("forgejo/action_run", {"run": {"status": told}})
    delivery = read("forgejo", f"action_run_{told}", payload)
    assert delivery.repository == "acme/shop"
    assert delivery.facts == [Check(HEAD, "ci.yml", state, "2026-03-01T09:34:00.000Z")]


@pytest.mark.parametrize("event", ["push", "action_run_success"])
def test_a_payload_of_two_repositories_is_of_the_one_whose_signature_is_asked_for(
    event: str,
) -> None:
    payload = {
        **recorded("forgejo/push", {"repository": {"full_name": "acme/mine"}}),
        **recorded("forgejo/action_run", {"run": {"repository": {"full_name": "acme/yours"}}}),
    }
    body = json.dumps(payload).encode()
    assert FORGES["forgejo"].repository_of(body) == "acme/mine"
    assert read("forgejo", event, payload).repository == "acme/mine"


@pytest.mark.parametrize("event", ["push", "action_run_success"])
def test_a_payload_of_no_repository_is_refused(event: str) -> None:
    payload = recorded("forgejo/push")
    del payload["repository"]
    with pytest.raises(ValidationFailed) as refused:
        read("forgejo", event, payload)
    assert refused.value.fields == {"repository": "is required"}


def test_an_event_that_is_not_used_tells_nothing() -> None:
    assert read("forgejo", "issues", recorded("forgejo/push")).facts == ()
