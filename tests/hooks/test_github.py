"""What GitHub's own examples tell."""

import pytest

from mcp_handoff.merges import Check, CheckState, Commit, Delivery, Deployment, PullRequest, Push
from tests.hooks.deliveries import DELIVERY_ID, read, recorded

HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"

OPENED = PullRequest(
    number=2,
    title="Update the README with new information.",
    body="",
    branch="changes",
    base="master",
    state="open",
    draft=False,
    head_sha=HEAD,
    merge_sha=None,
    url="https://github.com/Codertocat/Hello-World/pull/2",
    changed_at="2019-05-15T15:20:33.000Z",
)


def test_an_opened_pull_request_is_told_whole() -> None:
    assert read("github", "pull_request", recorded("github/pull_request_opened")) == Delivery(
        id=DELIVERY_ID,
        repository="Codertocat/Hello-World",
        default_branch="master",
        facts=[OPENED],
    )


@pytest.mark.parametrize(
    "action", ["edited", "reopened", "ready_for_review", "synchronize", "labeled", "new some day"]
)
def test_whatever_was_done_to_a_pull_request_it_is_how_it_is_now(action: str) -> None:
    payload = recorded("github/pull_request_opened", {"action": action})
    assert read("github", "pull_request", payload).facts == [OPENED]


def test_a_pull_request_closed_without_a_merge_has_no_merge_commit_though_one_is_told() -> None:
    payload = recorded("github/pull_request_closed")
    assert payload["pull_request"]["merge_commit_sha"]
    (told,) = read("github", "pull_request", payload).facts
    assert isinstance(told, PullRequest)
    assert (told.state, told.merge_sha) == ("closed", None)


def test_a_merged_pull_request_names_the_commit_on_its_base() -> None:
    payload = recorded("github/pull_request_closed", {"pull_request": {"merged": True}})
    (told,) = read("github", "pull_request", payload).facts
    assert isinstance(told, PullRequest)
    assert told.state == "merged"
    assert told.merge_sha == "c4295bd74fb0f4fda03689c3df3f2803b658fd85"
    assert told.changed_at == "2019-05-15T15:21:18.000Z"


def test_a_draft_is_one() -> None:
    payload = recorded("github/pull_request_converted_to_draft")
    (told,) = read("github", "pull_request", payload).facts
    assert isinstance(told, PullRequest)
    assert told.draft


def test_a_push_tells_a_branchs_commits_with_their_whole_messages() -> None:
    commits = [
        {"id": "a" * 40, "message": "One\n\nCloses HO-12\n", "timestamp": "2026-03-01T09:00:00Z"},
        {"id": "b" * 40, "message": "", "timestamp": "2026-03-01T11:00:00+01:00"},
    ]
    payload = recorded("github/push", {"commits": commits, "after": "b" * 40})
    assert read("github", "push", payload).facts == [
        Push(
            "master",
            "b" * 40,
            [Commit("a" * 40, "One\n\nCloses HO-12\n"), Commit("b" * 40, "")],
            "2026-03-01T10:00:00.000Z",
        )
    ]


def test_a_new_branch_is_a_push_and_its_name_may_have_slashes() -> None:
    payload = recorded("github/push", {"ref": "refs/heads/fix/HO-12/a"})
    assert payload["created"]
    head = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
    commits = [Commit(head, "Initial commit")]
    facts = [Push("fix/HO-12/a", head, commits, "2019-05-15T15:19:25.000Z")]
    assert read("github", "push", payload).facts == facts


@pytest.mark.parametrize(
    "change",
    [
        {"ref": "refs/tags/v1", "after": "a" * 40, "deleted": False},
        {"ref": "refs/heads/gone"},
        {"ref": "refs/heads/gone", "after": "0" * 64},
        {"ref": "refs/notes/commits", "after": "a" * 40},
    ],
)
def test_tags_and_deleted_branches_tell_nothing(change: dict[str, object]) -> None:
    payload = recorded("github/push_of_a_deleted_tag", change)
    assert read("github", "push", payload).facts == []


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        ("success", "passed"),
        ("neutral", "passed"),
        ("skipped", "passed"),
        ("failure", "failed"),
        ("timed_out", "failed"),
        ("cancelled", "failed"),
        ("action_required", "failed"),
        ("startup_failure", "failed"),
        ("stale", "failed"),
        (None, "pending"),
        ("new some day", "pending"),
    ],
)
def test_a_suite_of_checks_went_as_it_concluded(conclusion: str | None, state: CheckState) -> None:
    change = {"check_suite": {"conclusion": conclusion}}
    payload = recorded("github/check_suite_completed", change)
    assert read("github", "check_suite", payload).facts == [
        Check(HEAD, "octocoders-linter", state, "2019-05-15T15:21:14.000Z")
    ]


@pytest.mark.parametrize("action", ["requested", "rerequested"])
def test_a_suite_that_is_asked_for_is_pending_whatever_it_concluded_before(action: str) -> None:
    change = {"action": action, "check_suite": {"conclusion": "success"}}
    payload = recorded("github/check_suite_requested", change)
    (told,) = read("github", "check_suite", payload).facts
    assert isinstance(told, Check)
    assert told.state == "pending"


def test_a_suite_is_called_by_its_apps_slug_where_there_is_one() -> None:
    change = {"check_suite": {"app": {"slug": "linter"}}}
    payload = recorded("github/check_suite_completed", change)
    (told,) = read("github", "check_suite", payload).facts
    assert isinstance(told, Check)
    assert told.name == "linter"


@pytest.mark.parametrize(
    ("told", "state"),
    [("success", "passed"), ("failure", "failed"), ("error", "failed"), ("pending", "pending")],
)
def test_a_status_is_a_check_by_its_context(told: str, state: CheckState) -> None:
    payload = recorded("github/status", {"state": told})
    sha = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
    facts = [Check(sha, "default", state, "2019-05-15T15:20:55.000Z")]
    assert read("github", "status", payload).facts == facts


@pytest.mark.parametrize(
    ("told", "state"),
    [("success", "succeeded"), ("failure", "failed"), ("error", "failed")],
)
def test_a_deployment_that_ended_says_of_which_commit(told: str, state: str) -> None:
    payload = recorded("github/deployment_status", {"deployment_status": {"state": told}})
    (fact,) = read("github", "deployment_status", payload).facts
    assert isinstance(fact, Deployment)
    assert fact.state == state
    assert (fact.environment, fact.changed_at) == ("production", "2019-05-15T15:20:55.000Z")
    assert fact.sha == "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"


@pytest.mark.parametrize("told", ["pending", "queued", "in_progress", "waiting", "inactive"])
def test_a_deployment_under_way_tells_nothing(told: str) -> None:
    payload = recorded("github/deployment_status", {"deployment_status": {"state": told}})
    assert read("github", "deployment_status", payload).facts == ()


@pytest.mark.parametrize("event", ["ping", "issues", "star"])
def test_an_event_that_is_not_used_says_whose_it_is_and_nothing_more(event: str) -> None:
    told = read("github", event, recorded("github/ping"))
    assert (told.repository, told.facts) == ("Octocoders/Hello-World", ())
