"""Deleting closed tickets, batch after batch."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from mcp_handoff.actors import Caller
from mcp_handoff.pruning import Prune
from mcp_handoff.schema import Timestamp, timestamp
from mcp_handoff.store import history, near_words, projects, ticket_terms
from mcp_handoff.store.transaction import Row, Transaction, placeholders

BATCH = 100
"""How many tickets one transaction deletes at most."""

LOOKED_THROUGH = 20_000
"""How many tickets one transaction looks through for those that are to be deleted."""

WORDS = 500
"""How many words one transaction looks up to see whether any ticket has them."""

_OLD = "t.status = 'closed' AND coalesce(t.resolved_at, t.updated_at) < :before"
_HELD = (
    "EXISTS (SELECT 1 FROM links l JOIN tickets o ON o.id = l.ticket_id"
    " WHERE l.blocker_id = t.id AND o.status = 'open')"
)
"""An open ticket was blocked by it: its notes are for whoever takes that."""

_DELETED = (
    "DELETE FROM outbox WHERE ticket_id IN ({ids})"
    " OR id IN (SELECT r.id FROM build_runs r WHERE r.ticket_id IN ({ids}))",
    "DELETE FROM build_runs WHERE ticket_id IN ({ids})",
    "DELETE FROM builds WHERE source_id IN ({ids})",
    "DELETE FROM links WHERE ticket_id IN ({ids}) OR blocker_id IN ({ids})",
    *(
        f"DELETE FROM {table} WHERE ticket_id IN ({{ids}})"
        for table in ("mentions", "suggestions", "messages", "takes", "ticket_roles", "events")
    ),
    "DELETE FROM tickets WHERE id IN ({ids})",
)
"""What hangs on tickets, in the order in which it can go."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be deleted: tickets that were closed before an instant, of one project where it is
    given, with numbers in the store up to `newest`; and how many keys are older. With `dry_run`
    they are only counted."""

    before: Timestamp
    project_id: str | None
    newest: int
    keys: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Tickets that are to be deleted, how many of those looked through are held, the words that
    only they may have, by their projects, and after which number to go on."""

    ticket_ids: list[str]
    held: int
    words: dict[str, set[str]]
    position: int


def plan(tx: Transaction, caller: Caller, request: Prune) -> Plan:
    """Return what is to be deleted. Raises NotFound for a project."""
    project = request.project and projects.find_named(tx, caller, request.project)
    before = timestamp(tx.now - timedelta(days=request.older_than_days))
    row = tx.fetch_one(
        "SELECT (SELECT coalesce(max(seq), 0) FROM tickets) AS newest,"
        " (SELECT count(*) FROM idempotency WHERE created_at < :before) AS old_keys",
        before=before,
    )
    assert row is not None, "it selects one row"
    keys = 0 if project else row["old_keys"]
    return Plan(before, project["id"] if project else None, row["newest"], keys, request.dry_run)


def next_batch(tx: Transaction, asked: Plan, position: int) -> Batch:
    """Return the tickets after a number that are to be deleted: BATCH of them at most, out of
    LOOKED_THROUGH."""
    end = position + LOOKED_THROUGH
    # So that no index of the project's is taken, which has all its closed tickets, unsorted.
    in_project = " AND coalesce(t.project_id, '') = :project_id" if asked.project_id else ""
    rows = tx.fetch_all(
        f"SELECT t.*, CASE WHEN {_HELD} THEN 1 ELSE 0 END AS held FROM tickets t"
        f" WHERE t.seq > :position AND t.seq <= :end AND {_OLD}{in_project}"
        " ORDER BY t.seq LIMIT :most",
        position=position,
        end=end,
        before=asked.before,
        project_id=asked.project_id,
        most=BATCH,
    )
    free = [row for row in rows if not row["held"]]
    words = defaultdict[str, set[str]](set)
    if not asked.dry_run:
        for row in free:
            words[row["project_id"]].update(ticket_terms.terms_of(row))
    last = rows[-1]["seq"] if len(rows) == BATCH else end
    return Batch([row["id"] for row in free], len(rows) - len(free), words, last)


def delete_tickets(
    tx: Transaction, caller: Caller, asked: Plan, ticket_ids: Collection[str]
) -> int:
    """Delete those of these tickets that are closed and held by no open one still, with all that
    hangs on them and an event of their project; return how many."""
    for ticket_id in sorted(ticket_ids):
        tx.lock("tickets", ticket_id)
    parameters, ids = placeholders("id", ticket_ids)
    rows = tx.fetch_all(
        f"SELECT t.id, t.seq, t.project_id FROM tickets t WHERE t.id IN ({parameters})"
        f" AND {_OLD} AND NOT {_HELD}",
        before=asked.before,
        **ids,
    )
    if not rows:
        return 0
    # Before the others' events go: the number of the newest is never given again.
    for project_id, count in Counter(row["project_id"] for row in rows).items():
        after = {"tickets": count, "closed_before": asked.before}
        history.add_event(
            tx,
            caller,
            "project.pruned",
            subject_id=project_id,
            project_id=project_id,
            after=after,
        )
    tx.remove_from_index([row["seq"] for row in rows])
    parameters, ids = placeholders("id", [row["id"] for row in rows])
    for statement in _DELETED:
        tx.execute(statement.format(ids=parameters), **ids)
    return len(rows)


def chunks_of(words: dict[str, set[str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield words by their projects, as many as one transaction looks up."""
    for project_id, of_project in words.items():
        listed = sorted(of_project)
        for start in range(0, len(listed), WORDS):
            yield project_id, listed[start : start + WORDS]


def forget_words(tx: Transaction, project_id: str, words: Collection[str]) -> None:
    """Forget those of these words of a project that none of its tickets has any more."""
    project: Row | None = tx.fetch_one("SELECT * FROM projects WHERE id = :id", id=project_id)
    assert project is not None, "projects stay"
    near_words.forget_unused(tx, project, words)
