"""GitHub's webhooks (docs.github.com/webhooks/webhook-events-and-payloads). What each function is
for says `forges.Forge`."""

from collections.abc import Mapping, Sequence

from mcp_handoff.hooks.payloads import (
    Name,
    Payload,
    PushedCommits,
    Sha,
    decoded,
    header,
    instant,
    pushes,
)
from mcp_handoff.hooks.pull_requests import ToldPullRequest
from mcp_handoff.hooks.signatures import is_digest, is_digest_of
from mcp_handoff.merges import (
    Check,
    CheckState,
    Delivery,
    Deployment,
    DeploymentState,
    Fact,
)

_SIGNATURE = "x-hub-signature-256"
_PREFIX = "sha256="

_CONCLUSIONS: Mapping[str, CheckState] = {
    **dict.fromkeys(("success", "neutral", "skipped"), "passed"),
    **dict.fromkeys(
        ("failure", "timed_out", "cancelled", "action_required", "startup_failure", "stale"),
        "failed",
    ),
}
"""How a suite of checks went; by another word nothing is known yet."""

_STATES: Mapping[str, CheckState] = {"success": "passed", "failure": "failed", "error": "failed"}

_DEPLOYED: Mapping[str, DeploymentState] = {
    "success": "succeeded",
    "failure": "failed",
    "error": "failed",
}


class _Repository(Payload, frozen=True):
    full_name: Name
    default_branch: Name


class _Event(Payload, frozen=True):
    """What every event tells, and all that is read of one that is not used."""

    repository: _Repository

    def facts(self) -> Sequence[Fact]:
        return ()


class _PullRequestEvent(_Event, frozen=True):
    pull_request: ToldPullRequest

    def facts(self) -> Sequence[Fact]:
        return [self.pull_request.fact()]


class _PushEvent(_Event, frozen=True):
    ref: Name
    after: Sha
    commits: PushedCommits

    def facts(self) -> Sequence[Fact]:
        return pushes(self.ref, self.after, self.commits)


class _App(Payload, frozen=True):
    name: Name
    slug: Name | None = None


class _CheckSuite(Payload, frozen=True):
    head_sha: Sha
    conclusion: str | None
    updated_at: str
    app: _App


class _CheckSuiteEvent(_Event, frozen=True):
    action: str
    check_suite: _CheckSuite

    def facts(self) -> Sequence[Fact]:
        told = self.check_suite
        # A suite that is asked for anew keeps the conclusion of its last run.
        went = told.conclusion if self.action == "completed" else None
        state = _CONCLUSIONS.get(went or "", "pending")
        changed_at = instant(told.updated_at, "check_suite.updated_at")
        return [Check(told.head_sha, told.app.slug or told.app.name, state, changed_at)]


class _StatusEvent(_Event, frozen=True):
    sha: Sha
    context: Name
    state: str
    updated_at: str

    def facts(self) -> Sequence[Fact]:
        state = _STATES.get(self.state, "pending")
        return [Check(self.sha, self.context, state, instant(self.updated_at, "updated_at"))]


class _DeploymentStatus(Payload, frozen=True):
    state: str
    environment: Name
    updated_at: str


class _Deployment(Payload, frozen=True):
    sha: Sha


class _DeploymentStatusEvent(_Event, frozen=True):
    deployment_status: _DeploymentStatus
    deployment: _Deployment

    def facts(self) -> Sequence[Fact]:
        told = self.deployment_status
        if not (state := _DEPLOYED.get(told.state)):
            return ()
        changed_at = instant(told.updated_at, "deployment_status.updated_at")
        return [Deployment(self.deployment.sha, told.environment, state, changed_at)]


_EVENTS: Mapping[str, type[_Event]] = {
    "pull_request": _PullRequestEvent,
    "push": _PushEvent,
    "check_suite": _CheckSuiteEvent,
    "status": _StatusEvent,
    "deployment_status": _DeploymentStatusEvent,
}


def has_signature(headers: Mapping[str, str]) -> bool:
    told = headers.get(_SIGNATURE, "")
    return told.startswith(_PREFIX) and is_digest(told.removeprefix(_PREFIX))


def repository_of(body: bytes) -> str:
    return decoded(body, _Event).repository.full_name


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    told = headers.get(_SIGNATURE, "")
    return told.startswith(_PREFIX) and is_digest_of(told.removeprefix(_PREFIX), body, secret)


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    told = decoded(body, _EVENTS.get(header(headers, "x-github-event"), _Event))
    return Delivery(
        id=header(headers, "x-github-delivery"),
        repository=told.repository.full_name,
        default_branch=told.repository.default_branch,
        facts=told.facts(),
    )
