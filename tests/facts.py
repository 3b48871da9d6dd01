"""Facts as a forge tells them, valid unless told otherwise."""

from itertools import count
from typing import Any

from mcp_handoff.merges import Check, Commit, Delivery, Deployment, Fact, PullRequest, Push

REPOSITORY = "acme/shop"

_ids = count(1)


def sha(name: str) -> str:
    """Return the hash that a commit of this name has: its letters as hexadecimal digits."""
    return name.encode().hex().ljust(40, "0")


def at(minute: int) -> str:
    """Return when a minute of the history was."""
    return f"2026-03-01T{9 + minute // 60:02}:{minute % 60:02}:00.000Z"


def delivery(*facts: Fact, repository: str = REPOSITORY, **fields: Any) -> Delivery:
    """Return a delivery of its own."""
    told = {"id": f"delivery-{next(_ids)}", "default_branch": "main", **fields}
    return Delivery(repository=repository, facts=facts, **told)


def pull_request(number: int, minute: int, body: str = "Closes HO-1", **fields: Any) -> PullRequest:
    """Return an open pull request into main; `merge_sha` has it merged."""
    merge_sha = fields.pop("merge_sha", None)
    told: dict[str, Any] = {
        "title": "Lift the limit",
        "branch": "lift",
        "base": "main",
        "state": "merged" if merge_sha else "open",
        "draft": False,
        "head_sha": sha(f"head{number}"),
        "url": f"https://github.com/{REPOSITORY}/pull/{number}",
        **fields,
    }
    return PullRequest(number=number, body=body, merge_sha=merge_sha, changed_at=at(minute), **told)


def push(minute: int, *commits: tuple[str, str], branch: str = "main") -> Push:
    """Return a push of commits, each a name and a message."""
    told = [Commit(sha(name), message) for name, message in commits]
    return Push(branch, told[-1].sha, told, at(minute))


def check(commit: str, state: Any, minute: int, name: str = "tests") -> Check:
    """Return how a check of the commit of this hash went."""
    return Check(commit, name, state, at(minute))


def deployment(name: str, minute: int, state: Any = "succeeded") -> Deployment:
    """Return a deployment of the commit of this name."""
    return Deployment(sha(name), "production", state, at(minute))
