"""Pull requests as GitHub tells of them, and Gitea and Forgejo in the same form."""

from mcp_handoff.hooks.payloads import Address, Name, Number, Payload, Sha, instant, text
from mcp_handoff.merges import PullRequest


class _Head(Payload, frozen=True):
    ref: Name
    sha: Sha


class _Base(Payload, frozen=True):
    ref: Name


class ToldPullRequest(Payload, frozen=True):
    """A pull request within a payload."""

    number: Number
    title: str
    html_url: Address
    state: str
    merged: bool
    updated_at: str
    head: _Head
    base: _Base
    body: str | None = None
    draft: bool = False
    merge_commit_sha: Sha | None = None
    """Until the merge, that of a merge that was only tried."""

    def fact(self) -> PullRequest:
        """Return it as a noun of ours. Raises ValidationFailed."""
        return PullRequest(
            number=self.number,
            title=text(self.title),
            body=text(self.body),
            branch=self.head.ref,
            base=self.base.ref,
            state="merged" if self.merged else "closed" if self.state == "closed" else "open",
            draft=self.draft,
            head_sha=self.head.sha,
            merge_sha=self.merge_commit_sha if self.merged else None,
            url=self.html_url,
            changed_at=instant(self.updated_at, "pull_request.updated_at"),
        )
