"""What machines have seen of the merges that suggestions claim."""

from mcp_handoff.actors import Caller
from mcp_handoff.proofs import Policy, Proof, Told, verdict
from mcp_handoff.store.landings import (
    checks_of_change,
    is_taken_back,
    landing_of,
    request_merge_of,
)
from mcp_handoff.store.transaction import Row, Transaction


def policy_of(caller: Caller, suggestion: Row) -> Policy:
    """Return what is asked for before a suggestion is executed, by the caller's server or by the
    suggestion's project."""
    return Policy(
        require_proof=caller.policy.require_proof or bool(suggestion["require_proof"]),
        four_eyes=caller.policy.four_eyes or bool(suggestion["four_eyes"]),
    )


def proof_of(tx: Transaction, suggestion: Row) -> Proof:
    """Return what was seen of a pending suggestion's merge: by the forges of its project's
    repositories, or else what a checkout said of it, which is stored with it."""
    stored = suggestion["proof"]
    seen = Proof.model_validate_json(stored) if stored else None
    if suggestion["merge_sha"] is None and suggestion["pr_number"] is None:
        return seen or Proof(state="unproven", why="it names no commit and no pull request")
    # A new suggestion's row does not know yet whether there are any.
    has_repositories = suggestion.get("has_repositories", True)
    repositories = _repositories(tx, suggestion) if has_repositories else []
    sha, number = suggestion["merge_sha"], suggestion["pr_number"]
    told = [proof for one in repositories if (proof := _told(tx, one, sha, number))]
    # One may have another change of the same number; a commit is the same everywhere.
    proven = [proof for proof in told if sha and proof.state == "proven"]
    if not proven and len({proof.state for proof in told}) > 1:
        why = f"several linked repositories have told of a #{number}, and it names no repo"
        return Proof(state="unproven", why=why)
    if told:
        return (proven or told)[0]
    return seen or Proof(state="unproven", why="no linked repository has told of its merge")


def _repositories(tx: Transaction, suggestion: Row) -> list[Row]:
    """Return the repositories that a suggestion may mean: the one that it names, or all of its
    project."""
    return tx.fetch_all(
        "SELECT id, forge, name FROM repositories"
        " WHERE project_id = :project_id AND :named IN ('', key) ORDER BY key, forge",
        project_id=suggestion["project_id"],
        named=(suggestion["repo"] or "").casefold(),
    )


def _told(tx: Transaction, repository: Row, sha: str | None, number: int | None) -> Proof | None:
    """Return what a repository's forge has told of a commit or a pull request, None for nothing."""
    landing = landing_of(tx, repository["id"], sha) if sha else None
    came_with = request_merge_of(tx, repository["id"], landing) if landing else None
    request = tx.fetch_one(
        "SELECT change, number, state, lands, merge_sha, head_sha, changed_at AS seen_at"
        " FROM pull_requests WHERE repository_id = :id"
        " AND (change = :change OR merge_sha = :landed AND lands = 1)"
        " ORDER BY CASE change WHEN :change THEN 0 ELSE 1 END LIMIT 1",
        id=repository["id"],
        change=f"#{number}",
        landed=came_with or (landing and landing["merge_sha"]),
    )
    known = request or landing
    if known is None:
        return None
    merge_sha = known["merge_sha"]
    told = Told(
        repository=repository["name"],
        number=request["number"] if request else None,
        state=request["state"] if request else None,
        lands=bool(request and request["lands"]),
        merge_sha=merge_sha,
        reverted=is_taken_back(
            tx,
            repository["id"],
            merge_sha or known["change"],
            landing["merge_sha"] if came_with and landing else known.get("change"),
        ),
    )
    # A commit that is there came with the pull request, or before it.
    state, why = verdict(told, None if landing else sha)
    shas = [one for one in (merge_sha, known.get("head_sha")) if one]
    checks = checks_of_change(tx, repository["id"], shas)
    by, seen_at = repository["forge"], known["seen_at"]
    return Proof(state=state, by=by, seen_at=seen_at, merge_sha=merge_sha, checks=checks, why=why)
