"""Deleting closed tickets, batch after batch."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from mcp_handoff.actors import Caller
from mcp_handoff.progress import Progress
from mcp_handoff.pruning import Prune, Pruned
from mcp_handoff.schema import Timestamp, timestamp
from mcp_handoff.store import history, near_words, projects, ticket_terms
from mcp_handoff.store.pages import cut, size_of
from mcp_handoff.store.transaction import Database, Row, Transaction, placeholders

BATCH = 20
"""How many tickets one transaction deletes at most."""

BATCH_BYTES = 2**14
"""What they take at most together, but for one alone: while other writes wait, it is looked up of
each word in them whether another ticket has it."""

LOOKED_THROUGH = 20_000
"""How many tickets one transaction looks through for those that are to be deleted."""

_OLD = "t.status = 'closed' AND coalesce(t.resolved_at, t.updated_at) < :before"
_HELD = (
    "EXISTS (SELECT 1 FROM links l JOIN tickets o ON o.id = l.ticket_id"
    " WHERE l.blocker_id = t.id AND o.status = 'open')"
)
"""An open ticket was blocked by it: its notes are for whoever takes that."""

_SIZE = size_of(
    "t.title", "t.description", "t.evidence", "t.suggested_resolution", "t.implementation_notes"
)

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
    """Tickets that are to be deleted, how many of those looked through are held, and after which
    number to go on."""

    ticket_ids: list[str]
    held: int
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


async def prune_tickets(
    database: Database, caller: Caller, asked: Plan, progress: Progress
) -> Pruned:
    """Delete the tickets that are to be deleted, batch after batch, each in a transaction of its
    own; return what was done."""
    tickets = held = position = 0
    while position < asked.newest:
        batch = await database.read(partial(next_batch, asked=asked, position=position))
        position, held = batch.position, held + batch.held
        if asked.dry_run:
            tickets += len(batch.ticket_ids)
        elif batch.ticket_ids:
            delete = partial(
                delete_tickets, caller=caller, asked=asked, ticket_ids=batch.ticket_ids
            )
            tickets += await database.write(delete)
        progress("Pruning", min(position, asked.newest), asked.newest)
    return Pruned(before=asked.before, tickets=tickets, held=held, keys=asked.keys)


def next_batch(tx: Transaction, asked: Plan, position: int) -> Batch:
    """Return the tickets after a number that are to be deleted: BATCH of them at most, of
    BATCH_BYTES, out of LOOKED_THROUGH."""
    end = position + LOOKED_THROUGH
    # So that no index of the project's is taken, which has all its closed tickets, unsorted.
    in_project = " AND coalesce(t.project_id, '') = :project_id" if asked.project_id else ""
    rows = tx.fetch_all(
        f"SELECT t.id, t.seq, CASE WHEN {_HELD} THEN 1 ELSE 0 END AS held, {_SIZE} FROM tickets t"
        f" WHERE t.seq > :position AND t.seq <= :end AND {_OLD}{in_project}"
        " ORDER BY t.seq LIMIT :most",
        position=position,
        end=end,
        before=asked.before,
        project_id=asked.project_id,
        most=BATCH,
    )
    taken = cut(rows, BATCH, BATCH_BYTES)
    free = [row["id"] for row in taken if not row["held"]]
    is_full = len(taken) < len(rows) or len(taken) == BATCH
    return Batch(free, len(taken) - len(free), taken[-1]["seq"] if is_full else end)


def delete_tickets(
    tx: Transaction, caller: Caller, asked: Plan, ticket_ids: Collection[str]
) -> int:
    """Delete those of these tickets that are closed and held by no open one still, with all that
    hangs on them, the words that none has any more, and an event of their project; return how
    many."""
    for ticket_id in sorted(ticket_ids):
        tx.lock("tickets", ticket_id)
    parameters, ids = placeholders("id", ticket_ids)
    rows = tx.fetch_all(
        f"SELECT t.* FROM tickets t WHERE t.id IN ({parameters}) AND {_OLD} AND NOT {_HELD}",
        before=asked.before,
        **ids,
    )
    if not rows:
        return 0
    by_project = defaultdict[str, list[Row]](list)
    for row in rows:
        by_project[row["project_id"]].append(row)
    # Before the others' events go: the number of the newest is never given again.
    for project_id, of_project in by_project.items():
        after = {"tickets": len(of_project), "closed_before": asked.before}
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
    for project_id, of_project in by_project.items():
        _forget_words(tx, project_id, of_project)
    return len(rows)


def _forget_words(tx: Transaction, project_id: str, deleted: Collection[Row]) -> None:
    """Forget those words of deleted tickets that none of their project's tickets has any more."""
    project = tx.fetch_one("SELECT * FROM projects WHERE id = :id", id=project_id)
    assert project is not None, "projects stay"
    words = {word for row in deleted for word in ticket_terms.terms_of(row)}
    near_words.forget_unused(tx, project, words)
