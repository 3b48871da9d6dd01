"""Proofs: what a machine has seen of the merge that a suggestion claims."""

from dataclasses import dataclass
from typing import Literal

from mcp_handoff.errors import EvidenceContradicted, Forbidden, HandoffError, ProofRequired
from mcp_handoff.merges import Checks, PullRequestState
from mcp_handoff.principals import Principal
from mcp_handoff.schema import Record, Timestamp

ProofState = Literal["proven", "unproven", "contradicted"]


class Proof(Record):
    """Whether a machine has seen that a suggestion's change is on the default branch.

    `by` is who saw it (a forge, or `git` for the checkout that a server runs in), None where nobody
    did; `why` is what was seen, in our own words; `merge_sha` the commit by which the change is
    there, as far as it was seen; `checks` those of the change's newest commit.
    """

    state: ProofState
    by: str | None = None
    seen_at: Timestamp | None = None
    merge_sha: str | None = None
    checks: Checks = "none"
    why: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a forge has told of a change that a suggestion claims was merged.

    Of its pull request the `number`, the `state` and whether it `lands` on the default branch; the
    `merge_sha` by which the change is there, and whether that is `reverted`.
    """

    repository: str
    number: int | None
    state: PullRequestState | None
    lands: bool
    merge_sha: str | None
    reverted: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """What a project asks for before a suggestion is executed."""

    require_proof: bool = False
    four_eyes: bool = False


LENIENT = Policy()
"""Asks for nothing, but that nothing contradicts the suggestion."""


def verdict(told: Told, claimed_sha: str | None) -> tuple[ProofState, str]:
    """Return whether what a forge told proves what is claimed, and why; `claimed_sha` may be
    abbreviated."""
    name = f"{told.repository}#{told.number}"
    if told.state == "open":
        return "contradicted", f"{name} is still open"
    if told.state == "closed":
        return "contradicted", f"{name} was closed without a merge"
    if told.state == "merged" and not told.lands:
        return "contradicted", f"{name} was merged, but not into the default branch"
    sha = told.merge_sha or ""
    if told.state and claimed_sha and not sha.startswith(claimed_sha):
        return "contradicted", f"{name} was merged as {sha[:12]}, not as {claimed_sha[:12]}"
    if told.reverted:
        return "contradicted", f"{sha[:12]} was reverted in {told.repository}"
    return "proven", f"{sha[:12]} is on the default branch of {told.repository}"


def objection(proof: Proof, policy: Policy) -> HandoffError | None:
    """Return why a suggestion can't be executed: what was seen contradicts it
    (EvidenceContradicted), or a policy asks for more than was seen (ProofRequired). None when it
    can."""
    if proof.state == "contradicted":
        return EvidenceContradicted(
            f"Nothing was closed: {proof.why}. Decline the suggestion, or have the change merged."
        )
    if policy.require_proof and proof.state != "proven":
        return ProofRequired(
            f"Nothing was closed: here it takes a merge that a forge or git has seen, and"
            f" {proof.why}. Suggest it with the merge_sha or pr_number of a linked repository."
        )
    if policy.require_proof and proof.checks == "failed":
        return ProofRequired(
            "Nothing was closed: here it takes a merge whose checks have not failed. Mend them, or"
            " decline the suggestion."
        )
    return None


def require_other(policy: Policy, proposer_id: str | None, principal: Principal) -> None:
    """Refuse to let whoever suggested to close a ticket close it, where two are asked for
    (Forbidden)."""
    if policy.four_eyes and proposer_id == principal.id:
        raise Forbidden("Nothing was closed: here somebody else than who suggested it executes it.")
