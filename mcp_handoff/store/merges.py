"""What arises from merges: proposals to close, closings by policy, tickets that open again, and
what was deployed.

It is worked out from all that is known of a ticket's changes, so that deliveries end the same in
whatever order they come.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_handoff.actors import Caller
from mcp_handoff.events import Change, EventKind
from mcp_handoff.merges import confidence_of
from mcp_handoff.principals import SYSTEM_ID
from mcp_handoff.proofs import objection
from mcp_handoff.store import history, landings, messages, suggestions
from mcp_handoff.store.landings import ClosingChange, checks_of_change
from mcp_handoff.store.lookup import FoundTicket
from mcp_handoff.store.proofs import policy_of, proof_of
from mcp_handoff.store.standings import move, standing_of
from mcp_handoff.store.suggestion_rows import all_of, pending_of
from mcp_handoff.store.transaction import Row, Transaction, decode_json
from mcp_handoff.workflow import MERGED, take_back

_WITHDRAWN = (
    "What closes the ticket was reverted, its repository is linked no more, or another pull request"
    " holds it back."
)


@dataclass(frozen=True, slots=True)
class _Merge:
    """A commit of the default branch, and the changes that came with it and close a ticket."""

    repository_id: str
    repository: str
    sha: str
    changes: Sequence[ClosingChange]

    @property
    def request(self) -> ClosingChange | None:
        """The first pull request among its changes."""
        return next((change for change in self.changes if change.number), None)

    def is_claimed_by(self, suggestion: Row) -> bool:
        """Tell whether it is the merge that a suggestion means: by its commit or one of those that
        came with it, or by the pull request alone; by either in this repository."""
        repo, claimed = suggestion["repo"] or self.repository, suggestion["merge_sha"]
        if repo.casefold() != self.repository.casefold():
            return False
        if claimed is None:
            return suggestion["pr_number"] in {change.number for change in self.changes} - {None}
        heads = (change.head_sha or change.name for change in self.changes)
        return any(sha.startswith(claimed) for sha in (self.sha, *heads))


def see_to(tx: Transaction, teller: Caller, repository: Row, ticket_id: str) -> None:
    """Bring a ticket up to what is known of the changes that close it. The repository, of which
    `teller`, its forge, told something new, is locked."""
    changes = landings.closing_changes(tx, ticket_id)
    landed = [
        change
        for change in changes
        if change.merge_sha
        and not landings.is_taken_back(tx, change.repository_id, change.merge_sha, change.name)
    ]
    is_held = any(change.is_open for change in changes)
    merges = [] if is_held else _merges(landed)
    found = _lock(tx, ticket_id)
    if found is None:
        return  # it was pruned meanwhile
    if reverted := _reverted_merge(tx, repository, found.ticket["merge_sha"], changes, landed):
        found = _open_again(tx, teller, repository, found, reverted)
    if found.ticket["status"] == "open":
        _propose(tx, teller, found, merges)
        if found.project["auto_close"]:
            _close(tx, teller, found, merges)
    _note_deployments(tx, teller, found, landed)
    # What is shown with the ticket has changed, whatever was made of it.
    tx.publish(Change("ticket.updated", ticket_id, found.reference))


def _lock(tx: Transaction, ticket_id: str) -> FoundTicket | None:
    """Return a ticket as it now is, if it is there; nobody else changes it until the transaction
    ends."""
    ticket = tx.fetch_one_locked("SELECT * FROM tickets WHERE id = :id", id=ticket_id)
    if ticket is None:
        return None
    project = tx.fetch_one("SELECT * FROM projects WHERE id = :id", id=ticket["project_id"])
    assert project is not None, "projects stay"
    return FoundTicket(project, ticket)


def _merges(landed: Sequence[ClosingChange]) -> list[_Merge]:
    by_commit = defaultdict[tuple[str, str, str], list[ClosingChange]](list)
    for change in landed:
        by_commit[change.repository_id, change.repository, change.merge_sha or ""].append(change)
    return [_Merge(*commit, by_commit[commit]) for commit in sorted(by_commit)]


def _propose(tx: Transaction, teller: Caller, found: FoundTicket, merges: Sequence[_Merge]) -> None:
    """Have one proposal wait for each merge, and none for what is no merge (any more)."""
    for row in pending_of(tx, found.ticket["id"]):
        if row["principal_id"] != SYSTEM_ID:
            continue
        by_commit = (merge for merge in merges if merge.sha == row["merge_sha"])
        if merge := next((one for one in by_commit if one.is_claimed_by(row)), None):
            suggestions.revise(tx, teller, row, _claim(tx, merge))
        else:
            suggestions.end(tx, teller, row, "skipped", _WITHDRAWN)
    made = all_of(tx, found.ticket["id"])
    if _was_taken_back(tx, found.ticket):
        made = [row for row in made if row["status"] != "executed"]
    for merge in merges:
        claimed = [row for row in made if merge.is_claimed_by(row)]
        if not any(_stands(row, found.ticket["version"]) for row in claimed):
            suggestions.propose(tx, teller, found, _claim(tx, merge))


def _was_taken_back(tx: Transaction, ticket: Row) -> bool:
    """Tell whether a ticket waits for a merge, after the one that it had was reverted perhaps."""
    return ticket["merge_sha"] is None and MERGED in standing_of(tx, ticket).open_roles


def _claim(tx: Transaction, merge: _Merge) -> Row:
    """Return what is proposed of a merge, made of what was seen."""
    request = merge.request
    shas = [merge.sha, *(change.head_sha for change in merge.changes if change.head_sha)]
    checks = checks_of_change(tx, merge.repository_id, shas)
    evidence = {
        "merged": f"{merge.sha} is on the default branch of {merge.repository}",
        "declared_by": [change.name for change in merge.changes],
        **({"pull_request": request.url} if request else {}),
        "checks": checks,
    }
    return {
        "confidence": confidence_of(checks, in_pull_request=request is not None),
        "evidence": evidence,
        "merge_sha": merge.sha,
        "pr_number": request and request.number,
        "repo": merge.repository,
    }


def _stands(suggestion: Row, version: int) -> bool:
    """Tell whether a suggestion stands for the merge that it claims, so that this is not proposed
    (again): it waits, was carried out, or was turned down when a forge had proposed it."""
    if suggestion["status"] in ("pending", "processing", "executed"):
        return True
    # What was skipped while the ticket stayed as it was, was withdrawn.
    withdrawn = suggestion["status"] == "skipped" and suggestion["ticket_version"] == version
    return suggestion["principal_id"] == SYSTEM_ID and not withdrawn


def _close(tx: Transaction, teller: Caller, found: FoundTicket, merges: Sequence[_Merge]) -> None:
    """Carry out the first proposal that a project's policy has carried out at once: none where
    somebody else has to look at it."""
    for row in pending_of(tx, found.ticket["id"]):
        claims = any(merge.is_claimed_by(row) for merge in merges)
        proof, policy = proof_of(tx, row), policy_of(teller, row)
        if claims and not policy.four_eyes and objection(proof, policy) is None:
            named = "UPDATE suggestions SET suggestion_type = 'auto_close' WHERE id = :id"
            tx.execute(named, id=row["id"])
            suggestions.execute(tx, teller, row, None, proof)
            return


def _reverted_merge(
    tx: Transaction,
    repository: Row,
    merge_sha: str | None,
    changes: Sequence[ClosingChange],
    landed: Sequence[ClosingChange],
) -> str | None:
    """Return the commit by which a ticket was merged if it was reverted, or all that came with it
    and closes the ticket: of these changes those that `landed` stand."""
    landing = landings.landing_of(tx, repository["id"], merge_sha) if merge_sha else None
    if landing is None:
        return None
    place = repository["id"], landing["merge_sha"]
    came = [change for change in changes if (change.repository_id, change.merge_sha) == place]
    if came:
        stands = any(change in landed for change in came)
    else:
        stands = not landings.is_taken_back(tx, *place)
    return None if stands else landing["merge_sha"]


def _open_again(
    tx: Transaction, teller: Caller, repository: Row, found: FoundTicket, merge_sha: str
) -> FoundTicket:
    """Open a ticket again, or take it back from its testers, whose merge as this commit was
    reverted; return it as it is then."""
    ticket, before = found.ticket, standing_of(tx, found.ticket)
    if before.roles.get(MERGED) != "done":
        return found
    after = take_back(before, _finished_by_merge(tx, ticket["id"]))
    why = f"{merge_sha[:12]}, which closed this, was reverted in {repository['name']}."
    moved = move(tx, teller, found, before, after, {"merge_sha": None})
    kind: EventKind = "ticket.reopened" if before.status == "closed" else "ticket.updated"
    history.add_event(
        tx,
        teller,
        kind,
        subject_id=ticket["id"],
        **found.in_history,
        before={"stage": before.stage, "roles": dict(before.roles)},
        after={"stage": after.stage, "roles": dict(after.roles), "note": why},
    )
    messages.write(tx, teller, found, "handoff", why)
    return FoundTicket(found.project, moved.ticket)


def _finished_by_merge(tx: Transaction, ticket_id: str) -> list[str]:
    """Return the roles that the last merge of a ticket marked done."""
    row = tx.fetch_one(
        "SELECT after FROM events WHERE ticket_id = :id AND kind = 'suggestion.executed'"
        " ORDER BY seq DESC LIMIT 1",
        id=ticket_id,
    )
    return decode_json(row["after"]).get("roles_marked_done", []) if row else []


def _note_deployments(
    tx: Transaction, teller: Caller, found: FoundTicket, landed: Sequence[ClosingChange]
) -> None:
    """Write down since when a ticket's merge is deployed, or that this failed."""
    told = [landings.deployed_at(tx, change) for change in landed]
    succeeded = min((at for at, _ in told if at), default=None)
    failed = None if succeeded else max((at for _, at in told if at), default=None)
    after = {"deployed_at": succeeded, "deploy_failed_at": failed}
    before = {name: found.ticket[name] for name in after}
    if after == before:
        return
    tx.execute(
        "UPDATE tickets SET deployed_at = :deployed_at, deploy_failed_at = :deploy_failed_at"
        " WHERE id = :id",
        id=found.ticket["id"],
        **after,
    )
    history.add_event(
        tx,
        teller,
        "ticket.deployed" if succeeded else "ticket.deploy_failed" if failed else "ticket.updated",
        subject_id=found.ticket["id"],
        **found.in_history,
        before=before,
        after=after,
    )
