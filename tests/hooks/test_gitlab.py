"""What GitLab's documented events tell."""

import json

import pytest

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.hooks.forges import FORGES
from mcp_handoff.merges import (
    Check,
    CheckState,
    Commit,
    Delivery,
    Deployment,
    PullRequest,
    PullRequestState,
    Push,
)
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
    url="https://gitlab.example.com/acme/web/shop/-/merge_requests/7",
    changed_at="2026-03-01T09:30:00.000Z",
)


def merge_request(**changes: object) -> PullRequest:
    payload = recorded("gitlab/merge_request", {"object_attributes": changes})
    (told,) = read("gitlab", "Merge Request Hook", payload).facts
    assert isinstance(told, PullRequest)
    return told


def test_an_opened_merge_request_is_told_whole_under_the_name_of_its_target_project() -> None:
    payload = recorded("gitlab/merge_request")
    assert read("gitlab", "Merge Request Hook", payload) == Delivery(
        id=DELIVERY_ID, repository="acme/web/shop", default_branch="main", facts=[OPENED]
    )


@pytest.mark.parametrize(
    ("told", "state"), [("opened", "open"), ("locked", "open"), ("closed", "closed")]
)
def test_what_is_not_merged_names_no_merge_commit(told: str, state: PullRequestState) -> None:
    found = merge_request(state=told, merge_commit_sha="a" * 40)
    assert (found.state, found.merge_sha) == (state, None)


def test_a_merge_names_the_commit_that_is_on_the_target_branch() -> None:
    squashed = {"state": "merged", "squash_commit_sha": "b" * 40}
    assert merge_request(**squashed, merge_commit_sha="a" * 40).merge_sha == "a" * 40
    assert merge_request(**squashed).merge_sha == "b" * 40
    assert merge_request(state="merged").merge_sha == HEAD


@pytest.mark.parametrize("field", ["draft", "work_in_progress"])
def test_a_draft_is_one_by_its_old_name_too(field: str) -> None:
    assert merge_request(**{field: True}).draft


def test_a_merge_request_may_have_no_description_and_no_commits() -> None:
    found = merge_request(description=None, last_commit=None)
    assert (found.body, found.head_sha) == ("", "")


@pytest.mark.parametrize(
    ("told", "instant"),
    [
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00.000Z"),
        ("2026-03-01T10:30:00.5+01:00", "2026-03-01T09:30:00.500Z"),
        ("2026-03-01 09:30:00 UTC", "2026-03-01T09:30:00.000Z"),
        ("2026-03-01 00:30:00 +0100", "2026-02-28T23:30:00.000Z"),
    ],
)
def test_every_form_of_an_instant_becomes_ours(told: str, instant: str) -> None:
    assert merge_request(updated_at=told).changed_at == instant


@pytest.mark.parametrize(
    "told",
    [
        "",
        "now",
        "2026-03-01",
        "2026-03-01T09:30:00",
        "2026-13-01 09:30:00 UTC",
        "2026-03-01T09:30:00Z\n",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-03-01T09:30:00Z",
    ],
)
def test_what_is_no_instant_is_refused_by_its_name(told: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        merge_request(updated_at=told)
    assert list(refused.value.fields) == ["object_attributes.updated_at"]


def test_a_push_tells_a_branchs_commits_the_oldest_first() -> None:
    assert read("gitlab", "Push Hook", recorded("gitlab/push")).facts == [
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


def test_a_deleted_branch_and_a_tag_tell_nothing() -> None:
    gone = recorded("gitlab/push", {"after": "0" * 40, "commits": []})
    assert read("gitlab", "Push Hook", gone).facts == []
    tag = recorded("gitlab/push", {"ref": "refs/tags/v1", "object_kind": "tag_push"})
    assert read("gitlab", "Tag Push Hook", tag).facts == ()


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("success", "passed"),
        ("skipped", "passed"),
        ("failed", "failed"),
        ("canceled", "failed"),
        *((told, "pending") for told in ("created", "pending", "running", "manual", "scheduled")),
    ],
)
def test_a_pipeline_is_a_check_of_its_commit(told: str, state: CheckState) -> None:
    payload = recorded("gitlab/pipeline", {"object_attributes": {"status": told}})
    facts = [Check(HEAD, "pipeline", state, "2026-03-01T09:34:00.000Z")]
    assert read("gitlab", "Pipeline Hook", payload).facts == facts


def test_a_pipeline_under_way_is_as_old_as_its_start() -> None:
    change = {"object_attributes": {"status": "running", "finished_at": None}}
    (told,) = read("gitlab", "Pipeline Hook", recorded("gitlab/pipeline", change)).facts
    assert isinstance(told, Check)
    assert told.changed_at == "2026-03-01T09:31:00.000Z"


@pytest.mark.parametrize(("told", "state"), [("success", "succeeded"), ("failed", "failed")])
def test_a_deployments_commit_is_found_in_its_address(told: str, state: str) -> None:
    payload = recorded("gitlab/deployment", {"status": told})
    (fact,) = read("gitlab", "Deployment Hook", payload).facts
    assert isinstance(fact, Deployment)
    assert (fact.sha, fact.environment, fact.state) == (HEAD, "production", state)
    assert fact.changed_at == "2026-03-01T10:00:00.000Z"


@pytest.mark.parametrize("told", ["created", "running", "canceled", "blocked"])
def test_a_deployment_that_did_not_end_tells_nothing(told: str) -> None:
    payload = recorded("gitlab/deployment", {"status": told, "commit_url": None})
    assert read("gitlab", "Deployment Hook", payload).facts == ()


@pytest.mark.parametrize("url", [None, "https://gitlab.example.com/a/b/-/commit/da156088", HEAD])
def test_a_deployment_without_its_commit_is_refused(url: str | None) -> None:
    payload = recorded("gitlab/deployment", {"commit_url": url})
    with pytest.raises(ValidationFailed) as refused:
        read("gitlab", "Deployment Hook", payload)
    assert refused.value.fields == {"commit_url": "must end in a commit's hash"}


def test_a_repeated_delivery_has_the_id_of_the_first_and_an_older_gitlab_one_for_each() -> None:
    body = json.dumps(recorded("gitlab/push")).encode()
    headers = {"x-gitlab-event": "Push Hook", "x-gitlab-webhook-uuid": "each"}
    assert FORGES["gitlab"].read(headers, body).id == "each"
    assert FORGES["gitlab"].read({**headers, "idempotency-key": "same"}, body).id == "same"


def test_a_project_without_a_branch_yet_has_no_default_branch() -> None:
    payload = recorded("gitlab/push", {"project": {"default_branch": None}})
    assert read("gitlab", "Note Hook", payload).default_branch == ""
