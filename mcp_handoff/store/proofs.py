"""What machines have seen of the merges that suggestions claim."""

from mcp_handoff.actors import Caller
from mcp_handoff.proofs import Policy, Proof, Told, verdict
from mcp_handoff.store.landings import checks_of_change, is_taken_back, landing_of
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
    named = (suggestion["repo"] or "").casefold()
    repositories = (
        []
        if suggestion.get("has_repositories") in (0, False)
        else tx.fetch_all(
            "SELECT id, forge, name FROM repositories"
            " WHERE project_id = :project_id AND :named IN ('', key) ORDER BY key, forge",
            project_id=suggestion["project_id"],
            named=named,
        )
    )
    for repository in repositories:
        if told := _told(tx, repository, suggestion["merge_sha"], suggestion["pr_number"]):
            return told
    return seen or Proof(state="unproven", why="no linked repository has told of its merge")


def _told(tx: Transaction, repository: Row, sha: str | None, number: int | None) -> Proof | None:
    """Return what a repository's forge has told of a commit or a pull request, None for nothing."""
    change = f"#{number}"
    request = tx.fetch_one(
        "SELECT state, lands, merge_sha, head_sha, changed_at AS seen_at FROM pull_requests"
        " WHERE repository_id = :id AND change = :change",
        id=repository["id"],
        change=change,
    )
    landing = landing_of(tx, repository["id"], sha) if sha else None
    known = request or landing
    if known is None:
        return None
    merge_sha = known["merge_sha"]
    told = Told(
        repository=repository["name"],
        number=number,
        state=request["state"] if request else None,
        lands=bool(request and request["lands"]),
        merge_sha=merge_sha,
        reverted=is_taken_back(tx, repository["id"], merge_sha or change, change),
    )
    state, why = verdict(told, sha)
    shas = [one for one in (merge_sha, known.get("head_sha")) if one]
    checks = checks_of_change(tx, repository["id"], shas)
    by, seen_at = repository["forge"], known["seen_at"]
    return Proof(state=state, by=by, seen_at=seen_at, merge_sha=merge_sha, checks=checks, why=why)
