"""GitLab's webhooks (docs.gitlab.com/user/project/integrations/webhook_events). What each function
is for says `forges.Forge`."""

import re
from collections.abc import Mapping, Sequence

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.hooks.payloads import (
    Address,
    Name,
    Number,
    Payload,
    PushedCommits,
    Sha,
    decoded,
    header,
    instant,
    pushes,
    text,
)
from mcp_handoff.hooks.signatures import is_secret
from mcp_handoff.merges import (
    Check,
    CheckState,
    Delivery,
    Deployment,
    DeploymentState,
    Fact,
    PullRequest,
    PullRequestState,
)

_TOKEN = "x-gitlab-token"  # noqa: S105
_COMMIT_URL = re.compile(r".*/commits?/([0-9a-f]{40}|[0-9a-f]{64})", re.DOTALL)

_MERGE_REQUESTS: Mapping[str, PullRequestState] = {"merged": "merged", "closed": "closed"}
"""Opened, and locked while it is being merged, are open."""

_PIPELINES: Mapping[str, CheckState] = {
    "success": "passed",
    "skipped": "passed",
    "failed": "failed",
    "canceled": "failed",
}

_DEPLOYED: Mapping[str, DeploymentState] = {"success": "succeeded", "failed": "failed"}


class _Project(Payload, frozen=True):
    path_with_namespace: Name
    default_branch: Name | None = None


class _Event(Payload, frozen=True):
    """What every event tells, and all that is read of one that is not used."""

    project: _Project

    def facts(self) -> Sequence[Fact]:
        return ()


class _LastCommit(Payload, frozen=True):
    id: Sha


class _MergeRequest(Payload, frozen=True):
    iid: Number
    title: str
    url: Address
    state: str
    source_branch: Name
    target_branch: Name
    updated_at: str
    description: str | None = None
    draft: bool = False
    work_in_progress: bool = False
    last_commit: _LastCommit | None = None
    merge_commit_sha: Sha | None = None
    squash_commit_sha: Sha | None = None


class _MergeRequestEvent(_Event, frozen=True):
    object_attributes: _MergeRequest

    def facts(self) -> Sequence[Fact]:
        told = self.object_attributes
        state = _MERGE_REQUESTS.get(told.state, "open")
        head_sha = told.last_commit.id if told.last_commit else ""
        # A fast-forward leaves no commit of its own: the newest of the merge request is on the
        # target branch then.
        merge_sha = told.merge_commit_sha or told.squash_commit_sha or head_sha or None
        return [
            PullRequest(
                number=told.iid,
                title=text(told.title),
                body=text(told.description),
                branch=told.source_branch,
                base=told.target_branch,
                state=state,
                draft=told.draft or told.work_in_progress,
                head_sha=head_sha,
                merge_sha=merge_sha if state == "merged" else None,
                url=told.url,
                changed_at=instant(told.updated_at, "object_attributes.updated_at"),
            )
        ]


class _PushEvent(_Event, frozen=True):
    ref: Name
    after: Sha
    commits: PushedCommits

    def facts(self) -> Sequence[Fact]:
        return pushes(self.ref, self.after, self.commits)


class _Pipeline(Payload, frozen=True):
    sha: Sha
    status: str
    created_at: str
    finished_at: str | None = None


class _PipelineEvent(_Event, frozen=True):
    object_attributes: _Pipeline

    def facts(self) -> Sequence[Fact]:
        told = self.object_attributes
        field = "finished_at" if told.finished_at else "created_at"
        changed_at = instant(told.finished_at or told.created_at, f"object_attributes.{field}")
        state = _PIPELINES.get(told.status, "pending")
        return [Check(told.sha, "pipeline", state, changed_at)]


class _DeploymentEvent(_Event, frozen=True):
    status: str
    environment: Name
    status_changed_at: str
    commit_url: str | None = None

    def facts(self) -> Sequence[Fact]:
        if not (state := _DEPLOYED.get(self.status)):
            return ()
        changed_at = instant(self.status_changed_at, "status_changed_at")
        return [Deployment(self._sha(), self.environment, state, changed_at)]

    def _sha(self) -> str:
        """Return the commit's whole hash, which stands in its address alone."""
        if found := _COMMIT_URL.fullmatch(self.commit_url or ""):
            return found[1]
        why = "must end in a commit's hash"
        raise ValidationFailed.at("commit_url", why, "nothing was stored")


_EVENTS: Mapping[str, type[_Event]] = {
    "Merge Request Hook": _MergeRequestEvent,
    "Push Hook": _PushEvent,
    "Pipeline Hook": _PipelineEvent,
    "Deployment Hook": _DeploymentEvent,
}


def has_signature(headers: Mapping[str, str]) -> bool:
    return bool(headers.get(_TOKEN))


def repository_of(body: bytes) -> str:
    return decoded(body, _Event).project.path_with_namespace


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """GitLab signs nothing: it sends the secret itself."""
    return is_secret(headers.get(_TOKEN, ""), secret)


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    told = decoded(body, _EVENTS.get(header(headers, "x-gitlab-event"), _Event))
    return Delivery(
        # The first stays when GitLab tries again; before 17.4 there is but the second, of each
        # try. Those that one webhook's deed brings about share their X-Gitlab-Event-UUID.
        id=header(headers, "idempotency-key", "x-gitlab-webhook-uuid"),
        repository=told.project.path_with_namespace,
        default_branch=told.project.default_branch or "",
        facts=told.facts(),
    )
