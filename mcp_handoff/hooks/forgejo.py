"""Forgejo's and Gitea's webhooks (modules/structs/hook.go in either). What each function is for
says `forges.Forge`."""

from collections.abc import Mapping, Sequence

from mcp_handoff.errors import ValidationFailed
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
from mcp_handoff.merges import Check, CheckState, Delivery, Fact

_SIGNATURES = ("x-forgejo-signature", "x-gitea-signature")

_STATES: Mapping[str, CheckState] = {
    **dict.fromkeys(("success", "neutral", "skipped"), "passed"),
    **dict.fromkeys(("failure", "error", "cancelled", "timed_out"), "failed"),
}
"""How a check or a run went; by another word nothing is known yet."""

_NEVER = "0001-"
"""How the time of what has not happened begins."""


class _Repository(Payload, frozen=True):
    full_name: Name
    default_branch: Name


class _RunOf(Payload, frozen=True):
    repository: _Repository | None = None


class _Event(Payload, frozen=True):
    """What every event tells, and all that is read of one that is not used. That of a run of
    Forgejo's Actions names its repository within the run."""

    repository: _Repository | None = None
    run: _RunOf | None = None

    def of(self) -> _Repository:
        """Return the repository, the same whatever event a header says that this is."""
        if repository := self.repository or (self.run and self.run.repository):
            return repository
        raise ValidationFailed.at("repository", "is required", "nothing was stored")

    def facts(self) -> Sequence[Fact]:
        return ()


class _PullRequestEvent(_Event, frozen=True, kw_only=True):
    pull_request: ToldPullRequest

    def facts(self) -> Sequence[Fact]:
        return [self.pull_request.fact()]


class _PushEvent(_Event, frozen=True, kw_only=True):
    ref: Name
    after: Sha
    commits: PushedCommits | None

    def facts(self) -> Sequence[Fact]:
        return pushes(self.ref, self.after, self.commits or ())


class _StatusEvent(_Event, frozen=True, kw_only=True):
    """Gitea's."""

    sha: Sha
    context: Name
    state: str
    created_at: str
    updated_at: str | None = None

    def facts(self) -> Sequence[Fact]:
        field = "updated_at" if self.updated_at else "created_at"
        changed_at = instant(self.updated_at or self.created_at, field)
        return [Check(self.sha, self.context, _STATES.get(self.state, "pending"), changed_at)]


class _Workflow(Payload, frozen=True):
    name: Name


class _WorkflowRun(Payload, frozen=True):
    head_sha: Sha
    started_at: str
    completed_at: str
    conclusion: str = ""


class _WorkflowRunEvent(_Event, frozen=True, kw_only=True):
    """Gitea's."""

    workflow: _Workflow
    workflow_run: _WorkflowRun

    def facts(self) -> Sequence[Fact]:
        told = self.workflow_run
        field = "started_at" if told.completed_at.startswith(_NEVER) else "completed_at"
        changed_at = instant(getattr(told, field), f"workflow_run.{field}")
        state = _STATES.get(told.conclusion, "pending")
        return [Check(told.head_sha, self.workflow.name, state, changed_at)]


class _ActionRun(_RunOf, frozen=True, kw_only=True):
    commit_sha: Sha
    workflow_id: Name
    status: str
    updated: str


class _ActionRunEvent(_Event, frozen=True, kw_only=True):
    """Forgejo's."""

    run: _ActionRun | None = None

    def facts(self) -> Sequence[Fact]:
        if not (told := self.run):
            raise ValidationFailed.at("run", "is required", "nothing was stored")
        state = _STATES.get(told.status, "pending")
        changed_at = instant(told.updated, "run.updated")
        return [Check(told.commit_sha, told.workflow_id, state, changed_at)]


_EVENTS: Mapping[str, type[_Event]] = {
    "pull_request": _PullRequestEvent,
    "push": _PushEvent,
    "status": _StatusEvent,
    "workflow_run": _WorkflowRunEvent,
    "action_run_success": _ActionRunEvent,
    "action_run_failure": _ActionRunEvent,
    "action_run_recover": _ActionRunEvent,
}


def has_signature(headers: Mapping[str, str]) -> bool:
    return is_digest(_signature(headers))


def repository_of(body: bytes) -> str:
    return decoded(body, _Event).of().full_name


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    return is_digest_of(_signature(headers), body, secret)


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    told = decoded(body, _EVENTS.get(header(headers, "x-forgejo-event", "x-gitea-event"), _Event))
    return Delivery(
        id=header(headers, "x-forgejo-delivery", "x-gitea-delivery"),
        repository=told.of().full_name,
        default_branch=told.of().default_branch,
        facts=told.facts(),
    )


def _signature(headers: Mapping[str, str]) -> str:
    return next((headers[name] for name in _SIGNATURES if headers.get(name)), "")
