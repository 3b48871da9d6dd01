"""What forges and git tell: pull requests, what lands on a branch, checks and deployments.

A forge's payload is read into these nouns in one file of its own (`hooks/`); whatever comes after
knows no forge.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mcp_handoff.schema import Record

ForgeName = Literal["github", "gitlab", "forgejo"]
PullRequestState = Literal["open", "merged", "closed"]
CheckState = Literal["passed", "failed", "pending"]
Checks = Literal["passed", "failed", "pending", "none"]
DeploymentState = Literal["succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull or merge request as its forge last told of it.

    `merge_sha` is the commit that is on the base branch for it, None until it is merged; `base` is
    the name of the branch that it goes into. Of two that the forge told of the later `changed_at`
    (RFC 3339, UTC, with milliseconds) is how it is.
    """

    number: int
    title: str
    body: str
    branch: str
    base: str
    state: PullRequestState
    draft: bool
    head_sha: str
    merge_sha: str | None
    url: str
    changed_at: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and its whole message."""

    sha: str
    message: str


@dataclass(frozen=True, slots=True)
class Push:
    """Commits that a branch has now, the oldest first; `head` is its newest, and `pushed_at`
    (RFC 3339, UTC, with milliseconds) when that was made, as the forge has it."""

    branch: str
    head: str
    commits: Sequence[Commit]
    pushed_at: str


@dataclass(frozen=True, slots=True)
class Check:
    """How a check of a commit went; a later one by the same name stands for it."""

    sha: str
    name: str
    state: CheckState
    changed_at: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """A commit that was, or could not be, put into an environment."""

    sha: str
    environment: str
    state: DeploymentState
    changed_at: str


Fact = PullRequest | Push | Check | Deployment
"""What a machine has seen."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a forge told at once of a repository (`owner/name`, as the forge writes it), by the
    forge's own id, so that what it repeats is taken once."""

    id: str
    repository: str
    default_branch: str
    facts: Sequence[Fact]


class LinkedChange(Record):
    """A pull request, or a commit of the default branch, that mentions a ticket.

    `name` is owner/name#50 or owner/name@hash; `closes` whether it declares to close the ticket.
    """

    name: str
    state: Literal["open", "draft", "merged", "closed", "reverted"]
    closes: bool
    checks: Checks
    title: str | None = None
    url: str | None = None
    merge_sha: str | None = None


def checks_of(states: Iterable[CheckState]) -> Checks:
    """Return how the checks of one change went, all together."""
    seen = {*states}
    if "failed" in seen:
        return "failed"
    if "pending" in seen:
        return "pending"
    return "passed" if seen else "none"


def confidence_of(checks: Checks, *, in_pull_request: bool) -> float:
    """Return how sure it is that a merge finishes a ticket that it declares to close: a pull
    request says so on purpose, a commit's message may have been copied, and failed checks cost."""
    confidence = 0.95 if in_pull_request else 0.9
    return round(confidence - (0.2 if checks == "failed" else 0), 2)
