"""What landed on default branches, and what was taken back there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mcp_handoff.merges import Checks, LinkedChange, checks_of
from mcp_handoff.store.transaction import Row, Transaction, placeholders
from mcp_handoff.suggestions import SHORTEST_SHA

SHOWN = 20
"""How many of the changes that mention a ticket are shown with it."""

WITH_ALL = "^"
"""What a reverted hash ends with where it is a merge, taken back with all that came by it."""

FOLLOWED = 20
"""How many reverts of reverts are followed."""

_CHANGES = (
    "SELECT m.repository_id, r.name AS repository, m.change, m.closes, p.number, p.url, p.state,"
    " p.title, p.draft, p.lands, p.head_sha, p.merge_sha, c.push, c.place"
    " FROM mentions m JOIN repositories r ON r.id = m.repository_id"
    " LEFT JOIN pull_requests p ON p.repository_id = m.repository_id AND p.change = m.change"
    " LEFT JOIN commits c ON c.repository_id = m.repository_id AND c.change = m.change"
    " WHERE m.ticket_id = :ticket_id"
)


@dataclass(frozen=True, slots=True)
class ClosingChange:
    """A pull request, or a commit of the default branch, that declares to close a ticket.

    `name` is #50 or the commit's hash; `merge_sha` the commit by which it is on the default branch,
    None as long as it is not; `is_open` whether its pull request may still be merged.
    """

    repository_id: str
    repository: str
    name: str
    number: int | None
    is_open: bool
    head_sha: str | None
    merge_sha: str | None
    url: str | None


def closing_changes(tx: Transaction, ticket_id: str) -> list[ClosingChange]:
    """Return the changes that declare to close a ticket."""
    rows = tx.fetch_all(f"{_CHANGES} ORDER BY m.repository_id, m.change", ticket_id=ticket_id)
    return [
        ClosingChange(
            repository_id=row["repository_id"],
            repository=row["repository"],
            name=row["change"],
            number=row["number"],
            is_open=row["state"] == "open",
            head_sha=row["head_sha"],
            merge_sha=_merge_of(tx, row),
            url=row["url"],
        )
        for row in rows
        if row["closes"]
    ]


def changes_of(tx: Transaction, ticket_id: str) -> list[LinkedChange]:
    """Return the changes that mention a ticket, as they are shown: SHOWN at most, those first that
    declare to close it, and of these the newest."""
    rows = tx.fetch_all(
        f"{_CHANGES} ORDER BY m.closes DESC, coalesce(p.changed_at, c.landed_at) DESC, m.change"
        f" LIMIT {SHOWN}",
        ticket_id=ticket_id,
    )
    return [_shown(tx, row) for row in rows]


def _shown(tx: Transaction, row: Row) -> LinkedChange:
    repository_id, merge_sha = row["repository_id"], _merge_of(tx, row)
    state = row["state"] or "merged"
    if merge_sha and is_taken_back(tx, repository_id, merge_sha, row["change"]):
        state = "reverted"
    elif state == "open" and row["draft"]:
        state = "draft"
    shas = [one for one in (row["head_sha"], merge_sha) if one]
    is_request = row["number"] is not None
    return LinkedChange(
        name=f"{row['repository']}{'' if is_request else '@'}{row['change'][:12]}",
        state=state,
        closes=bool(row["closes"]),
        checks=checks_of_change(tx, repository_id, shas),
        title=row["title"],
        url=row["url"],
        merge_sha=merge_sha,
    )


def _merge_of(tx: Transaction, row: Row) -> str | None:
    """Return the commit by which a change landed: of a commit that of the pull request that it came
    with, or the newest of its push."""
    if row["push"] is None:
        return row["merge_sha"] if row["lands"] else None
    return request_merge_of(tx, row["repository_id"], row) or row["push"]


def request_merge_of(tx: Transaction, repository_id: str, commit: Row) -> str | None:
    """Return the merge of the pull request that a commit came with, by its push and its place
    there; None where it came with none."""
    merged = tx.fetch_one(
        "SELECT p.merge_sha FROM commits c JOIN pull_requests p"
        " ON p.repository_id = c.repository_id AND p.merge_sha = c.change"
        " WHERE c.repository_id = :repository_id AND c.push = :push AND c.place >= :place"
        " ORDER BY c.place LIMIT 1",
        repository_id=repository_id,
        push=commit["push"],
        place=commit["place"],
    )
    return merged["merge_sha"] if merged else None


def landing_of(tx: Transaction, repository_id: str, sha: str) -> Row | None:
    """Return the commit of the default branch that a hash, whole or abbreviated, is of, its
    `merge_sha`, since when it is there, `seen_at`, and the `push` that it came with and its `place`
    there, as far as that is known; None where no commit is, or several are."""
    values = {"repository_id": repository_id, "first": sha, "last": f"{sha}g"}
    commits = (
        "SELECT change AS merge_sha, landed_at AS seen_at, push, place FROM commits"
        " WHERE repository_id = :repository_id"
        " AND change >= :first AND change < :last LIMIT 2"
    )
    merges = (
        "SELECT merge_sha, landed_at AS seen_at, NULL AS push, NULL AS place FROM pull_requests"
        " WHERE repository_id = :repository_id AND merge_sha >= :first AND merge_sha < :last"
        " AND lands = 1 LIMIT 2"
    )
    for sql in (commits, merges):
        if rows := tx.fetch_all(sql, **values):
            return rows[0] if len({row["merge_sha"] for row in rows}) == 1 else None
    return None


def merged_as(tx: Transaction, repository_id: str, shas: Collection[str]) -> list[str]:
    """Return the pull requests that were merged as one of these commits."""
    parameters, values = placeholders("sha", shas)
    rows = tx.fetch_all(
        "SELECT change FROM pull_requests WHERE repository_id = :id"
        f" AND merge_sha IN ({parameters})",
        id=repository_id,
        **values,
    )
    return [row["change"] for row in rows]


def is_taken_back(
    tx: Transaction, repository_id: str, merge_sha: str, name: str | None = None
) -> bool:
    """Tell whether what landed as a commit was reverted and not brought back since: under its own
    `name`, where it is a commit that came with others, or with all of them."""
    requests = merged_as(tx, repository_id, [merge_sha])
    own = merge_sha if name is None or name.startswith("#") else name
    names = {own, name or own, f"{merge_sha}{WITH_ALL}", *requests}
    return _are_taken_back(tx, repository_id, names, FOLLOWED)


def _are_taken_back(
    tx: Transaction, repository_id: str, names: Collection[str], followed: int
) -> bool:
    parameters, values = placeholders("name", sorted(abbreviations(names)))
    reverts = tx.fetch_all(
        "SELECT v.change, c.push, p.merge_sha FROM reverts v"
        " LEFT JOIN commits c ON c.repository_id = v.repository_id AND c.change = v.change"
        " LEFT JOIN pull_requests p ON p.repository_id = v.repository_id AND p.change = v.change"
        " AND p.lands = 1"
        f" WHERE v.repository_id = :repository_id AND v.reverted IN ({parameters})",
        repository_id=repository_id,
        **values,
    )
    for row in reverts:
        landed_as = {row["push"], row["merge_sha"]} - {None}
        again = {row["change"], *(f"{sha}{WITH_ALL}" for sha in landed_as)}
        again |= {row["merge_sha"]} - {None}
        if landed_as and followed and not _are_taken_back(tx, repository_id, again, followed - 1):
            return True
    return False


def abbreviations(names: Collection[str]) -> set[str]:
    """Return these names, and those of them that are hashes by each of their beginnings too."""
    lengths = range(SHORTEST_SHA, 64)
    shas = [name for name in names if name.isalnum()]
    return {*names, *(sha[:length] for sha in shas for length in lengths)}


def deployed_at(tx: Transaction, change: ClosingChange) -> tuple[str | None, str | None]:
    """Return when what holds a change was deployed first, and when that failed last; None for
    never."""
    landing = landing_of(tx, change.repository_id, change.merge_sha or "")
    assert landing is not None, "the change has landed"
    row = tx.fetch_one(
        "SELECT min(CASE d.state WHEN 'succeeded' THEN d.changed_at END) AS succeeded_at,"
        " max(CASE d.state WHEN 'failed' THEN d.changed_at END) AS failed_at FROM deployments d"
        " LEFT JOIN commits c ON c.repository_id = d.repository_id AND c.change = d.sha"
        " LEFT JOIN pull_requests p ON p.repository_id = d.repository_id AND p.merge_sha = d.sha"
        " AND p.lands = 1"
        " WHERE d.repository_id = :id AND coalesce(c.landed_at, p.landed_at) >= :landed_at",
        id=change.repository_id,
        landed_at=landing["seen_at"],
    )
    assert row is not None, "aggregates have one row"
    return row["succeeded_at"], row["failed_at"]


def checks_of_change(tx: Transaction, repository_id: str, shas: Sequence[str]) -> Checks:
    """Return how the checks of a change went, by its commits: the newest of its own, its merge."""
    if not shas:
        return "none"
    parameters, values = placeholders("sha", shas)
    rows = tx.fetch_all(
        f"SELECT state FROM checks WHERE repository_id = :id AND sha IN ({parameters})",
        id=repository_id,
        **values,
    )
    return checks_of(row["state"] for row in rows)
