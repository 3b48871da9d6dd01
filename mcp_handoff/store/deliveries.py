"""What forges tell: each fact is kept once, whatever order they come in, and the tickets that it
touches are seen to in the same transaction."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from mcp_handoff import actors
from mcp_handoff.errors import NotFound
from mcp_handoff.merges import Check, Delivery, Deployment, Fact, ForgeName, PullRequest, Push
from mcp_handoff.proofs import LENIENT, Policy
from mcp_handoff.repositories import TakenDelivery
from mcp_handoff.schema import timestamp
from mcp_handoff.store import repositories
from mcp_handoff.store.landings import FOLLOWED, WITH_ALL, abbreviations, landing_of, merged_as
from mcp_handoff.store.merges import see_to
from mcp_handoff.store.transaction import Row, Transaction, insert, placeholders
from mcp_handoff.text.characters import shortened
from mcp_handoff.text.masking import mask

KEPT_DAYS = 30
"""How long it is remembered which deliveries were taken; what they told is known by itself."""

FORGOTTEN = 1_000
"""The most deliveries that one transaction forgets."""

TITLE_LENGTH = 200

NAME_LENGTH = 500
"""How much is kept of what a check or an environment is called: an index holds it."""

READ = 1_000_000
"""How many characters of a push's messages, or of a pull request's words, are read for tickets: a
second's work."""


def take_delivery(
    tx: Transaction, forge: ForgeName, delivery: Delivery, policy: Policy = LENIENT
) -> TakenDelivery:
    """Keep what a forge told of a linked repository, and do what arises from it."""
    found = repositories.find_locked(tx, forge, delivery.repository)
    if found is None:
        raise NotFound(f"{delivery.repository} is linked to no project here.")
    named = {"repository_id": found["id"], "id": delivery.id}
    if _find(tx, "deliveries", named):
        return TakenDelivery(repeated=True)
    now = timestamp(tx.now)
    insert(tx, "deliveries", {**named, "taken_at": now})
    tx.execute(
        "UPDATE repositories SET last_delivery_at = :now WHERE id = :id", now=now, id=found["id"]
    )
    repository = {**found, "default_branch": delivery.default_branch}
    touched = set[str]().union(*(_keep(tx, repository, fact) for fact in delivery.facts))
    teller = actors.forge(forge, repository["name"], policy)
    for ticket_id in sorted(touched):
        see_to(tx, teller, repository, ticket_id)
    return TakenDelivery()


def are_old_deliveries_kept(tx: Transaction) -> bool:
    """Tell whether a delivery was taken more than KEPT_DAYS ago."""
    old = "SELECT 1 FROM deliveries WHERE taken_at < :before ORDER BY taken_at LIMIT 1"
    return tx.fetch_one(old, before=_long_ago(tx)) is not None


def forget_deliveries(tx: Transaction) -> None:
    """Forget which deliveries were taken more than KEPT_DAYS ago: FORGOTTEN at most."""
    tx.execute(
        "DELETE FROM deliveries WHERE (repository_id, id) IN (SELECT repository_id, id"
        f" FROM deliveries WHERE taken_at < :before ORDER BY taken_at LIMIT {FORGOTTEN})",
        before=_long_ago(tx),
    )


def _long_ago(tx: Transaction) -> str:
    return timestamp(tx.now - timedelta(days=KEPT_DAYS))


def _keep(tx: Transaction, repository: Row, fact: Fact) -> set[str]:
    """Keep a fact; return the ids of the tickets that it touches."""
    match fact:
        case PullRequest():
            return _keep_pull_request(tx, repository, fact)
        case Push():
            lands = fact.branch == repository["default_branch"]
            return _keep_push(tx, repository, fact) if lands else set()
        case Check():
            return _keep_check(tx, repository, fact)
        case Deployment():
            return _keep_deployment(tx, repository, fact)


def _keep_pull_request(tx: Transaction, repository: Row, fact: PullRequest) -> set[str]:
    named = {"repository_id": repository["id"], "change": f"#{fact.number}"}
    merged, lands = fact.state == "merged", fact.base == repository["default_branch"]
    told: dict[str, Any] = {
        **named,
        "number": fact.number,
        "title": shortened(mask(fact.title[: 10 * TITLE_LENGTH]), TITLE_LENGTH),
        "url": fact.url,
        "state": fact.state,
        "draft": int(fact.draft),
        "lands": int(lands),
        "head_sha": fact.head_sha,
        "merge_sha": fact.merge_sha if merged else None,
        "changed_at": fact.changed_at,
        "landed_at": fact.changed_at if merged and lands else None,
    }
    known = _find(tx, "pull_requests", named) or told
    newest = {**max((told, known), key=_finality)}
    if landed := [one["landed_at"] for one in (told, known) if one["landed_at"]]:
        # It is there, whatever the default branch is called by now.
        newest |= {"lands": 1, "landed_at": min(landed)}
    _write(tx, "pull_requests", named, newest)
    text = f"{fact.title}\n\n{fact.body}"[:READ]
    _keep_what_is_said(tx, repository, named, text, fact.branch)
    touched = _mentioned_by(tx, repository, [named["change"]])
    if newest["merge_sha"]:
        touched |= _mentioned_with(tx, repository, newest["merge_sha"])
        touched |= _taken_back_by(tx, repository, [named["change"]])
    return touched


def _finality(row: Row) -> tuple[bool, str, str]:
    """Order what was told of a pull request: a merge is for good, else the later counts."""
    return row["state"] == "merged", row["changed_at"], row["head_sha"]


def _keep_push(tx: Transaction, repository: Row, fact: Push) -> set[str]:
    shas = [commit.sha for commit in fact.commits]
    parameters, values = placeholders("sha", shas)
    rows = tx.fetch_all(
        f"SELECT * FROM commits WHERE repository_id = :id AND change IN ({parameters})",
        id=repository["id"],
        **values,
    )
    known = {row["change"]: row for row in rows}
    left = READ
    for place, commit in enumerate(fact.commits):
        named = {"repository_id": repository["id"], "change": commit.sha}
        told = {**named, "push": fact.head, "place": place, "landed_at": fact.pushed_at}
        pushes = known.get(commit.sha, told), told
        # What was pushed again, by force, landed when it came first.
        if min(pushes, key=lambda one: (one["landed_at"], one["push"])) is told:
            _write(tx, "commits", named, told)
        said = commit.message[:left]
        left -= len(said)
        _keep_what_is_said(tx, repository, named, said)
    merged = merged_as(tx, repository["id"], shas)
    touched = _mentioned_by(tx, repository, [*shas, *merged])
    touched |= _taken_back_by(tx, repository, [*shas, *merged])
    if deployed_at := _first_deployment_of(tx, repository, shas):
        touched |= _deployable(tx, repository, deployed_at)
    return touched


def _keep_check(tx: Transaction, repository: Row, fact: Check) -> set[str]:
    name = fact.name[:NAME_LENGTH]
    named = {"repository_id": repository["id"], "sha": fact.sha, "name": name}
    told = {**named, "state": fact.state, "changed_at": fact.changed_at}
    known = _find(tx, "checks", named) or told
    latest = max((told, known), key=lambda one: (one["changed_at"], one["state"]))
    _write(tx, "checks", named, latest)
    heads = tx.fetch_all(
        "SELECT change FROM pull_requests WHERE repository_id = :id AND head_sha = :sha",
        id=repository["id"],
        sha=fact.sha,
    )
    merged = merged_as(tx, repository["id"], [fact.sha])
    changes = [fact.sha, *merged, *(row["change"] for row in heads)]
    return _mentioned_by(tx, repository, changes) | _mentioned_with(tx, repository, fact.sha)


def _keep_deployment(tx: Transaction, repository: Row, fact: Deployment) -> set[str]:
    named = {"repository_id": repository["id"], "sha": fact.sha}
    named |= {"environment": fact.environment[:NAME_LENGTH], "state": fact.state}
    told = {**named, "changed_at": fact.changed_at}
    known = _find(tx, "deployments", named) or told
    chosen = min if fact.state == "succeeded" else max
    kept = chosen((told, known), key=lambda one: one["changed_at"])
    _write(tx, "deployments", named, kept)
    return _deployable(tx, repository, kept["changed_at"])


def _find(tx: Transaction, table: str, named: Row) -> Row | None:
    return tx.fetch_one(f"SELECT * FROM {table} WHERE {_all_of(named)}", **named)


def _write(tx: Transaction, table: str, named: Row, row: Row) -> None:
    """Write a row in place of the one of that name; the repository is locked."""
    tx.execute(f"DELETE FROM {table} WHERE {_all_of(named)}", **named)
    insert(tx, table, row)


def _all_of(named: Row) -> str:
    return " AND ".join(f"{name} = :{name}" for name in named)


def _keep_what_is_said(
    tx: Transaction, repository: Row, named: Row, text: str, branch: str = ""
) -> None:
    """Keep which tickets of its own project a change mentions, in its text or its branch's name,
    and which changes it takes back; that it closes one is not forgotten when it is told otherwise
    later."""
    from mcp_handoff import (
        mentions,  # its patterns are compiled where something is told, not before
    )

    closes = dict[int, bool]()
    in_branch = mentions.find_in_branch(branch, {repository["project"]})
    for one in (*mentions.find_mentions(text), *in_branch):
        if one.project in (None, repository["project"]):
            closes[one.number] = closes.get(one.number, False) or one.closes
    for number in closes:
        tx.execute(
            "INSERT INTO mentions (ticket_id, repository_id, change, closes)"
            " SELECT id, :repository_id, :change, :closes FROM tickets"
            " WHERE project_id = :project_id AND number = :number"
            " ON CONFLICT (ticket_id, repository_id, change) DO UPDATE SET closes ="
            " CASE WHEN excluded.closes > mentions.closes THEN 1 ELSE mentions.closes END",
            **named,
            closes=int(closes[number]),
            project_id=repository["project_id"],
            number=number,
        )
    pulls = [f"#{number}" for number in mentions.reverted_pulls(text, repository["name"])]
    merges = [f"{sha}{WITH_ALL}" for sha in mentions.reverted_merges(text)]
    for one in (*mentions.reverted_commits(text), *merges, *pulls):
        tx.execute(
            "INSERT INTO reverts (repository_id, reverted, change)"
            " VALUES (:repository_id, :reverted, :change) ON CONFLICT DO NOTHING",
            **named,
            reverted=one,
        )


def _mentioned_by(tx: Transaction, repository: Row, changes: Sequence[str]) -> set[str]:
    """Return the tickets that any of these changes mentions."""
    parameters, values = placeholders("change", changes)
    rows = tx.fetch_all(
        f"SELECT DISTINCT ticket_id FROM mentions WHERE repository_id = :id"
        f" AND change IN ({parameters})",
        id=repository["id"],
        **values,
    )
    return {row["ticket_id"] for row in rows}


def _mentioned_with(tx: Transaction, repository: Row, merge_sha: str) -> set[str]:
    """Return the tickets that commits mention which came with this one."""
    rows = tx.fetch_all(
        "SELECT DISTINCT m.ticket_id FROM commits c"
        " JOIN commits o ON o.repository_id = c.repository_id AND o.push = c.push"
        " JOIN mentions m ON m.repository_id = o.repository_id AND m.change = o.change"
        " WHERE c.repository_id = :id AND c.change = :sha",
        id=repository["id"],
        sha=merge_sha,
    )
    return {row["ticket_id"] for row in rows}


def _taken_back_by(
    tx: Transaction, repository: Row, changes: Sequence[str], followed: int = FOLLOWED
) -> set[str]:
    """Return the tickets whose change these changes take back, or bring back."""
    parameters, values = placeholders("change", changes)
    rows = tx.fetch_all(
        "SELECT DISTINCT v.reverted, p.merge_sha FROM reverts v LEFT JOIN pull_requests p"
        " ON p.repository_id = v.repository_id AND p.change = v.reverted"
        f" WHERE v.repository_id = :id AND v.change IN ({parameters})",
        id=repository["id"],
        **values,
    )
    if not rows or not followed:
        return set()
    names = {row["reverted"] for row in rows} | {row["merge_sha"] for row in rows} - {None}
    landings = (landing_of(tx, repository["id"], name) for name in names if name.isalnum())
    landed = {landing["merge_sha"] for landing in landings if landing}
    names |= landed | {*merged_as(tx, repository["id"], names | landed)}
    touched = _mentioned_by(tx, repository, [*names]) | _moved_on_by(tx, repository, names)
    for sha in landed:
        touched |= _mentioned_with(tx, repository, sha)
    return touched | _taken_back_by(tx, repository, [*names], followed - 1)


def _moved_on_by(tx: Transaction, repository: Row, shas: Collection[str]) -> set[str]:
    """Return the tickets that were moved on by the merge of one of these commits, which whoever
    claimed it may have abbreviated."""
    parameters, values = placeholders("sha", abbreviations(shas))
    rows = tx.fetch_all(
        f"SELECT id FROM tickets WHERE project_id = :id AND merge_sha IN ({parameters})",
        id=repository["project_id"],
        **values,
    )
    return {row["id"] for row in rows}


def _first_deployment_of(tx: Transaction, repository: Row, shas: Sequence[str]) -> str | None:
    """Return when one of these commits was deployed first, None where none is known to be."""
    parameters, values = placeholders("sha", shas)
    row = tx.fetch_one(
        "SELECT min(changed_at) AS changed_at FROM deployments"
        f" WHERE repository_id = :id AND sha IN ({parameters})",
        id=repository["id"],
        **values,
    )
    assert row is not None, "an aggregate has one row"
    return row["changed_at"]


def _deployable(tx: Transaction, repository: Row, at: str) -> set[str]:
    """Return the tickets with a change that has landed, of which a deployment at an instant may
    tell something new."""
    rows = tx.fetch_all(
        "SELECT DISTINCT m.ticket_id FROM mentions m JOIN tickets t ON t.id = m.ticket_id"
        " LEFT JOIN commits c ON c.repository_id = m.repository_id AND c.change = m.change"
        " LEFT JOIN pull_requests p ON p.repository_id = m.repository_id AND p.change = m.change"
        " WHERE m.repository_id = :id AND m.closes = 1"
        " AND coalesce(c.landed_at, p.landed_at) IS NOT NULL"
        " AND (t.deployed_at IS NULL OR t.deployed_at > :at)",
        id=repository["id"],
        at=at,
    )
    return {row["ticket_id"] for row in rows}
