"""What landed on default branches, and what was taken back there."""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mcp_handoff.merges import Checks, CheckState, LinkedChange, checks_of
from mcp_handoff.store.transaction import Row, Transaction, placeholders
from mcp_handoff.suggestions import SHORTEST_SHA

SHOWN = 20
"""How many of the changes that mention a ticket are shown with it."""

WITH_ALL = "^"
"""What a reverted hash ends with where it is a merge, taken back with all that came by it."""

FOLLOWED = 20
"""How many reverts of reverts are followed."""

_REQUEST_MERGE = (
    "SELECT q.merge_sha FROM commits d JOIN pull_requests q"
    " ON q.repository_id = d.repository_id AND q.merge_sha = d.change"
    " WHERE d.repository_id = {repository_id} AND d.push = {push} AND d.place >= {place}"
    " ORDER BY d.place LIMIT 1"
)
"""The merge of the pull request that a commit came with."""

_CAME_BY = _REQUEST_MERGE.format(repository_id="c.repository_id", push="c.push", place="c.place")
_CHANGES = (
    "SELECT m.ticket_id, m.repository_id, r.name AS repository, m.change, m.closes, p.number,"
    " p.url, p.state, p.title, p.draft, p.lands, p.head_sha, p.merge_sha, c.push,"
    f" ({_CAME_BY}) AS came_by, row_number() OVER (PARTITION BY m.ticket_id ORDER BY"
    " m.closes DESC, coalesce(p.changed_at, c.landed_at) DESC, m.change) AS rank"
    " FROM mentions m JOIN repositories r ON r.id = m.repository_id"
    " LEFT JOIN pull_requests p ON p.repository_id = m.repository_id AND p.change = m.change"
    " LEFT JOIN commits c ON c.repository_id = m.repository_id AND c.change = m.change"
)
"""Changes that mention tickets; those of a ticket have the rank in which they are shown with it."""

Landing = tuple[str, str, str | None]
"""What is on a default branch: its repository, the commit by which it is there and, where it is a
commit that came with others or a pull request, its own name."""

Names = tuple[str, frozenset[str]]
"""A repository, and the names under which something may have been reverted there."""


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
    rows = tx.fetch_all(
        f"{_CHANGES} WHERE m.ticket_id = :ticket_id ORDER BY m.repository_id, m.change",
        ticket_id=ticket_id,
    )
    return [
        ClosingChange(
            repository_id=row["repository_id"],
            repository=row["repository"],
            name=row["change"],
            number=row["number"],
            is_open=row["state"] == "open",
            head_sha=row["head_sha"],
            merge_sha=_merge_of(row),
            url=row["url"],
        )
        for row in rows
        if row["closes"]
    ]


def changes_of(tx: Transaction, ticket_id: str) -> list[LinkedChange]:
    """Return the changes that mention a ticket, as they are shown: SHOWN at most, those first that
    declare to close it, and of these the newest."""
    return changes_by_ticket(tx, [ticket_id], SHOWN).get(ticket_id, [])


def changes_by_ticket(
    tx: Transaction, ticket_ids: Collection[str], most: int
) -> dict[str, list[LinkedChange]]:
    """Return the first `most` of the changes that mention each of some tickets, as they are shown
    and in that order, in as many statements for many tickets as for one."""
    parameters, ids = placeholders("ticket", ticket_ids)
    rows = tx.fetch_all(
        f"SELECT * FROM ({_CHANGES} WHERE m.ticket_id IN ({parameters})) AS ranked"
        " WHERE rank <= :most ORDER BY ticket_id, rank",
        most=most,
        **ids,
    )
    landed = {landing for row in rows if (landing := _landing(row))}
    back = taken_back(tx, landed)
    checks = _checks_by_commit(
        tx, {(row["repository_id"], sha) for row in rows for sha in _shas(row)}
    )
    changes = defaultdict[str, list[LinkedChange]](list)
    for row in rows:
        commits = ((row["repository_id"], sha) for sha in _shas(row))
        checked = checks_of(state for commit in commits for state in checks[commit])
        shown = _shown(row, checked, reverted=_landing(row) in back)
        changes[row["ticket_id"]].append(shown)
    return changes


def _shown(row: Row, checks: Checks, *, reverted: bool) -> LinkedChange:
    state = row["state"] or "merged"
    if reverted:
        state = "reverted"
    elif state == "open" and row["draft"]:
        state = "draft"
    is_request = row["number"] is not None
    return LinkedChange(
        name=f"{row['repository']}{'' if is_request else '@'}{row['change'][:12]}",
        state=state,
        closes=bool(row["closes"]),
        checks=checks,
        title=row["title"],
        url=row["url"],
        merge_sha=_merge_of(row),
    )


def _merge_of(row: Row) -> str | None:
    """Return the commit by which a change landed: of a commit that of the pull request that it came
    with, or the newest of its push."""
    if row["push"] is None:
        return row["merge_sha"] if row["lands"] else None
    return row["came_by"] or row["push"]


def _landing(row: Row) -> Landing | None:
    """Return what of a change is on the default branch, None as long as it is not."""
    merge_sha = _merge_of(row)
    return (row["repository_id"], merge_sha, row["change"]) if merge_sha else None


def _shas(row: Row) -> list[str]:
    """Return the commits whose checks are those of a change: the newest of its own, its merge."""
    return [one for one in (row["head_sha"], _merge_of(row)) if one]


def request_merge_of(tx: Transaction, repository_id: str, commit: Row) -> str | None:
    """Return the merge of the pull request that a commit came with, by its push and its place
    there; None where it came with none."""
    sql = _REQUEST_MERGE.format(repository_id=":repository_id", push=":push", place=":place")
    values = {"push": commit["push"], "place": commit["place"]}
    merged = tx.fetch_one(sql, repository_id=repository_id, **values)
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
    """Tell whether what landed as a commit was reverted and not brought back since."""
    return bool(taken_back(tx, [(repository_id, merge_sha, name)]))


def taken_back(tx: Transaction, landed: Collection[Landing]) -> set[Landing]:
    """Return what of this was reverted and not brought back since: under its own name, where it is
    a commit that came with others, or with all of them."""
    if not landed:
        return set()
    requests = _requests_by_merge(tx, {(repository, sha) for repository, sha, _ in landed})
    names: dict[Landing, Names] = {}
    for repository, sha, name in landed:
        own = sha if name is None or name.startswith("#") else name
        also = requests[repository, sha]
        names[repository, sha, name] = (
            repository,
            frozenset({own, name or own, f"{sha}{WITH_ALL}", *also}),
        )
    back = _taken_back(tx, {*names.values()}, FOLLOWED)
    return {landing for landing, its in names.items() if its in back}


def _requests_by_merge(
    tx: Transaction, merges: Collection[tuple[str, str]]
) -> defaultdict[tuple[str, str], list[str]]:
    """Return the pull requests that were merged as each of these commits of repositories."""
    rows = tx.fetch_all(
        f"SELECT p.repository_id, p.merge_sha, p.change FROM {tx.rows_among('merges')}"
        " CROSS JOIN pull_requests p WHERE p.repository_id = asked.value ->> 0"
        " AND p.merge_sha = asked.value ->> 1",
        merges=json.dumps([*merges]),
    )
    requests = defaultdict[tuple[str, str], list[str]](list)
    for row in rows:
        requests[row["repository_id"], row["merge_sha"]].append(row["change"])
    return requests


def _taken_back(tx: Transaction, asked: Collection[Names], followed: int) -> set[Names]:
    """Return which of these were reverted by what was not reverted itself, and so on: a statement
    for each of the `followed` reverts of reverts."""
    if not (asked and followed):
        return set()
    reverts = _landed_reverts(tx, [*asked])
    again = _taken_back(tx, {one for its in reverts.values() for one in its}, followed - 1)
    return {names for names, its in reverts.items() if its - again}


def _landed_reverts(tx: Transaction, asked: Sequence[Names]) -> dict[Names, set[Names]]:
    """Return by which names what landed as a revert of these would be reverted in turn."""
    looked_up = [
        (place, repository, name[:SHORTEST_SHA] if name.isalnum() else name, name)
        for place, (repository, names) in enumerate(asked)
        for name in sorted(names)
    ]
    # Abbreviations of a hash are between its shortest and itself; few others are.
    rows = tx.fetch_all(
        "SELECT asked.value ->> 0 AS place, asked.value ->> 3 AS name, v.repository_id,"
        " v.reverted, v.change, c.push, p.merge_sha"
        f" FROM {tx.rows_among('names')} CROSS JOIN reverts v"
        " LEFT JOIN commits c ON c.repository_id = v.repository_id AND c.change = v.change"
        " LEFT JOIN pull_requests p ON p.repository_id = v.repository_id AND p.change = v.change"
        " AND p.lands = 1 WHERE v.repository_id = asked.value ->> 1"
        " AND v.reverted BETWEEN asked.value ->> 2 AND asked.value ->> 3",
        names=json.dumps(looked_up),
    )
    reverts = defaultdict[Names, set[Names]](set)
    for row in rows:
        landed_as = {row["push"], row["merge_sha"]} - {None}
        if landed_as and row["name"].startswith(row["reverted"]):
            names = {row["change"], *(f"{sha}{WITH_ALL}" for sha in landed_as)}
            names |= {row["merge_sha"]} - {None}
            reverts[asked[int(row["place"])]].add((row["repository_id"], frozenset(names)))
    return reverts


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
    by_commit = _checks_by_commit(tx, {(repository_id, sha) for sha in shas})
    return checks_of(state for states in by_commit.values() for state in states)


def _checks_by_commit(
    tx: Transaction, commits: Collection[tuple[str, str]]
) -> defaultdict[tuple[str, str], set[CheckState]]:
    """Return the states that the checks of each of these commits of repositories have."""
    states = defaultdict[tuple[str, str], set[CheckState]](set)
    if not commits:
        return states
    rows = tx.fetch_all(
        f"SELECT DISTINCT k.repository_id, k.sha, k.state FROM {tx.rows_among('commits')}"
        " CROSS JOIN checks k WHERE k.repository_id = asked.value ->> 0"
        " AND k.sha = asked.value ->> 1",
        commits=json.dumps([*commits]),
    )
    for row in rows:
        states[row["repository_id"], row["sha"]].add(row["state"])
    return states
