"""What must hold in a store at any moment, whatever happened to the processes that wrote it."""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.sqlite.transaction import SqliteTransaction
from mcp_handoff.store.transaction import Scope, Transaction
from mcp_handoff.text.terms import words_of
from mcp_handoff.workflow import Standing
from tests.backends.writer_process import CALLER, Acknowledgement
from tests.databases import open_database


async def assert_whole(store: Path | str, acknowledged: Iterable[Acknowledgement] = ()) -> None:
    """Assert that no acknowledged write is missing and that nothing is half there.

    The store is opened anew: on a connection that has seen another process's writes, SQLite's
    integrity_check takes its own stale picture of a full-text index for damage.
    """
    database = open_database(str(store))
    found = await database.read(lambda tx: (halves(tx), lost(tx, acknowledged)))
    assert found == ({}, []), found
    if isinstance(database, SqliteDatabase):
        assert await database.read(damage) == []
        await database.write(check_search_index)
    await database.close()


def lost(tx: Transaction, acknowledged: Iterable[Acknowledgement]) -> list[Acknowledgement]:
    """Return the acknowledgements whose whole effect is not in the store."""
    return [given for given in acknowledged if not _is_stored(tx, given)]


def halves(tx: Transaction) -> dict[str, list[object]]:
    """Return what is half there, by its description."""
    found = {
        name: [*map(dict, tx.fetch_all(_in_dialect(tx, sql)))] for name, sql in _HALVES.items()
    }
    found["a role whose readiness is not what the rules say"] = _wrongly_ready(tx)
    return {name: list[object](rows) for name, rows in found.items() if rows}


def damage(tx: Transaction) -> list[object]:
    """Return what SQLite itself finds wrong with the file."""
    checks = tx.fetch_all("PRAGMA integrity_check"), tx.fetch_all("PRAGMA foreign_key_check")
    return [row for rows in checks for row in rows if row != {"integrity_check": "ok"}]


def check_search_index(tx: Transaction) -> None:
    """Check that the index of terms is whole (https://sqlite.org/fts5.html, section 6.5)."""
    tx.execute("INSERT INTO ticket_terms (ticket_terms) VALUES ('integrity-check')")


def takes_in_history(tx: Transaction) -> list[tuple[str, str, int]]:
    """Return each ticket, role and fence that was ever taken."""
    sql = (
        "SELECT e.ticket_id, e.after ->> '$.role' AS role, e.after ->> '$.fence' AS fence"
        " FROM events e WHERE e.kind = 'ticket.taken'"
    )
    rows = tx.fetch_all(_in_dialect(tx, sql))
    return [(row["ticket_id"], row["role"], int(row["fence"])) for row in rows]


def _is_stored(tx: Transaction, given: Acknowledgement) -> bool:
    sql = _in_dialect(tx, _STORED[given["operation"]])
    row = tx.fetch_one(sql, owner=CALLER.owner, **given)
    if row is not None and given["operation"] == "create_ticket":
        scope = Scope(row["project_id"], row["number"], "any")
        lookup = [words_of(given["word"])[-1].terms]
        return tx.newest_with(scope, [lookup], 1) == [[row["seq"]]]
    return row is not None


def _wrongly_ready(tx: Transaction) -> list[dict[str, object]]:
    """Return the roles whose `waits` or `ready` are not what follows from where their tickets stand
    and from what blocks them."""
    rows = tx.fetch_all(
        "SELECT r.ticket_id, r.role, r.status, r.waits, r.ready, t.stage, EXISTS (SELECT 1"
        " FROM links l JOIN tickets b ON b.id = l.blocker_id WHERE l.ticket_id = t.id"
        " AND b.status = 'open') AS blocked"
        " FROM ticket_roles r JOIN tickets t ON t.id = r.ticket_id ORDER BY r.ticket_id"
    )
    wrong: list[dict[str, object]] = []
    for _, of_ticket in groupby(rows, key=itemgetter("ticket_id")):
        roles = [*of_ticket]
        standing = Standing(roles[0]["stage"], {row["role"]: row["status"] for row in roles})
        for row in roles:
            ready = standing.is_clear_for(row["role"]) and not row["blocked"]
            if (row["waits"], row["ready"]) != (row["role"] in standing.open_roles, ready):
                wrong.append(dict(row))
    return wrong


def _in_dialect(tx: Transaction, sql: str) -> str:
    if isinstance(tx, SqliteTransaction):
        return sql.replace("seq FROM ticket_terms", "rowid FROM ticket_terms")
    return _JSON.sub(
        lambda found: f"({found[1]}::jsonb #>> '{{{found[2].replace('.', ',')}}}')", sql
    )


_JSON = re.compile(r"([a-z_.]+) ->> '\$\.([a-z_.]+)'")
_KEY = "i.principal = :owner AND i.key = :word"

_STORED = {
    "create_ticket": (
        "SELECT t.seq, t.number, t.project_id FROM tickets t"
        " JOIN events e ON e.ticket_id = t.id AND e.kind = 'ticket.created'"
        f" JOIN idempotency i ON {_KEY} AND i.operation = 'CreateTicket'"
        " WHERE t.id = :ticket AND t.number = :number AND t.title = 'Fault ' || :word"
        " AND i.result ->> '$.ticket.id' = t.id"
        " AND :roles = (SELECT string_agg(role, ' ' ORDER BY position)"
        " FROM ticket_roles WHERE ticket_id = t.id)"
    ),
    "trigger_bot_build": (
        "SELECT 1 FROM build_runs r"
        " JOIN builds b ON b.id = r.build_id AND b.build_ref = r.id"
        " JOIN tickets t ON t.id = r.ticket_id AND t.id = b.source_id"
        " JOIN outbox o ON o.id = r.id"
        " JOIN events e ON e.ticket_id = t.id AND e.subject_id = r.id"
        f" JOIN idempotency i ON {_KEY} AND i.operation = 'TriggerBotBuild'"
        " WHERE r.id = :run AND b.id = :build AND t.id = :ticket AND e.kind = 'build.triggered'"
        " AND t.ai_output ->> '$.build_run.id' = r.id"
    ),
    "update_build": (
        "SELECT 1 FROM builds b"
        " JOIN events e ON e.ticket_id = b.source_id AND e.subject_id = b.id"
        " WHERE b.id = :build AND b.description = :word AND b.metadata ->> '$.word' = :word"
        " AND e.kind = 'build.updated' AND e.after ->> '$.description' = :word"
    ),
    "suggest_close": (
        "SELECT 1 FROM suggestions s"
        " JOIN events e ON e.ticket_id = s.ticket_id AND e.subject_id = s.id"
        f" JOIN idempotency i ON {_KEY} AND i.operation = 'SuggestClose'"
        " WHERE s.id = :suggestion AND s.ticket_id = :ticket AND e.kind = 'suggestion.created'"
        " AND i.result ->> '$.suggestion.id' = s.id"
    ),
    "execute": (
        "SELECT 1 FROM suggestions s JOIN tickets t ON t.id = s.ticket_id"
        " JOIN events e ON e.ticket_id = t.id AND e.subject_id = s.id"
        " WHERE s.id = :suggestion AND s.status = 'executed' AND s.reason = :word"
        " AND t.id = :ticket AND t.stage = :stage AND t.merge_sha = s.merge_sha"
        " AND e.kind = 'suggestion.executed' AND e.after ->> '$.new_stage' = :stage"
    ),
    "decline": (
        "SELECT 1 FROM suggestions s JOIN tickets t ON t.id = s.ticket_id"
        " JOIN events e ON e.ticket_id = t.id AND e.subject_id = s.id"
        " WHERE s.id = :suggestion AND s.status = 'declined' AND s.reason = :word"
        " AND t.id = :ticket AND t.stage = :stage AND e.kind = 'suggestion.declined'"
    ),
    "take_ticket": (
        "SELECT 1 FROM takes k JOIN events e ON e.ticket_id = k.ticket_id AND e.actor_id = :taker"
        " JOIN idempotency i ON i.principal = 'bot:' || :taker AND i.key = :word"
        " AND i.operation = 'TakeTicket' AND i.result ->> '$.detail.ticket.id' = k.ticket_id"
        " WHERE k.ticket_id = :ticket AND k.role = :role AND k.fence >= :fence"
        " AND e.kind = 'ticket.taken' AND e.after ->> '$.role' = :role"
        " AND CAST(e.after ->> '$.fence' AS TEXT) = CAST(:fence AS TEXT)"
    ),
    "finish": (
        "SELECT 1 FROM ticket_roles r"
        " JOIN takes k ON k.ticket_id = r.ticket_id AND k.role = r.role AND k.held = 0"
        " JOIN events e ON e.ticket_id = r.ticket_id AND e.actor_id = :taker"
        " WHERE r.ticket_id = :ticket AND r.role = :role AND r.status = 'done'"
        " AND k.fence = :fence AND e.kind = 'ticket.updated'"
    ),
    "close": (
        "SELECT 1 FROM tickets t JOIN events e ON e.ticket_id = t.id AND e.actor_id = :taker"
        " WHERE t.id = :ticket AND t.status = 'closed' AND t.resolution_note = :word"
        " AND e.kind = 'ticket.closed' AND NOT EXISTS"
        " (SELECT 1 FROM takes k WHERE k.ticket_id = t.id AND k.held = 1)"
    ),
    "give_back": (
        "SELECT 1 FROM takes k JOIN events e ON e.ticket_id = k.ticket_id AND e.actor_id = :taker"
        " WHERE k.ticket_id = :ticket AND k.role = :role AND (k.held = 0 OR k.fence > :fence)"
        " AND e.kind = 'ticket.updated' AND e.after ->> '$.note' = :word"
    ),
}
"""By operation: a query that gives a row when all that was acknowledged is there."""

TOLD = ("deliveries", "pull_requests", "commits", "mentions", "reverts", "checks", "deployments")
"""The tables of what forges tell."""

_HALVES = {
    "a ticket without `merged` behind its roles": (
        "SELECT id FROM tickets t WHERE 'merged' IS DISTINCT FROM (SELECT role FROM ticket_roles"
        " WHERE ticket_id = t.id AND position > 0 ORDER BY position DESC LIMIT 1)"
    ),
    "a ticket that no search finds": (
        "SELECT id FROM tickets WHERE seq NOT IN (SELECT seq FROM ticket_terms)"
    ),
    "a ticket without its event": (
        "SELECT id FROM tickets t WHERE NOT EXISTS (SELECT 1 FROM events e"
        " WHERE e.ticket_id = t.id AND e.kind = 'ticket.created')"
    ),
    "a project whose numbers have a gap": (
        "SELECT slug FROM projects p WHERE last_number <>"
        " (SELECT count(*) FROM tickets WHERE project_id = p.id) OR last_number <>"
        " (SELECT coalesce(max(number), 0) FROM tickets WHERE project_id = p.id)"
    ),
    "an event of no ticket": (
        "SELECT seq FROM events WHERE ticket_id NOT IN (SELECT id FROM tickets)"
    ),
    "a kept key of no ticket, message, run or suggestion": (
        "SELECT key FROM idempotency WHERE NOT CASE operation"
        " WHEN 'CreateTicket' THEN result ->> '$.ticket.id' IN (SELECT id FROM tickets)"
        " WHEN 'TakeTicket' THEN result ->> '$.detail.ticket.id' IN (SELECT id FROM tickets)"
        " WHEN 'UpdateTicket' THEN result ->> '$.ticket.id' IN (SELECT id FROM tickets)"
        " WHEN 'AddMessage' THEN result ->> '$.message.id' IN (SELECT id FROM messages)"
        " WHEN 'TriggerBotBuild' THEN"
        " result ->> '$.ticket.ai_output.build_run.id' IN (SELECT id FROM build_runs)"
        " ELSE result ->> '$.suggestion.id' IN (SELECT id FROM suggestions) END"
    ),
    "a writer's ticket without its key": (
        "SELECT id FROM tickets WHERE actor_id = 'writer' AND id NOT IN"
        " (SELECT result ->> '$.ticket.id' FROM idempotency WHERE operation = 'CreateTicket')"
    ),
    "a run without its build": (
        "SELECT r.id FROM build_runs r LEFT JOIN builds b ON b.id = r.build_id"
        " AND b.build_ref = r.id AND b.source_id = r.ticket_id WHERE b.id IS NULL"
    ),
    "a build without its run": (
        "SELECT id FROM builds WHERE id NOT IN (SELECT build_id FROM build_runs)"
    ),
    "a run that waits without its outbox row": (
        "SELECT id FROM build_runs WHERE status = 'queued' AND id NOT IN (SELECT id FROM outbox)"
    ),
    "an outbox row without a run that waits": (
        "SELECT id FROM outbox WHERE webhook_id IS NULL"
        " AND id NOT IN (SELECT id FROM build_runs WHERE status = 'queued')"
    ),
    "a run whose state has no event": (
        "SELECT id FROM build_runs r WHERE status <> 'queued' AND NOT EXISTS (SELECT 1 FROM events"
        " WHERE subject_id = r.id AND kind = 'build.' || r.status)"
    ),
    "a run whose ticket shows it in another state": (
        "SELECT r.id FROM build_runs r JOIN tickets t ON t.id = r.ticket_id"
        " WHERE t.ai_output ->> '$.build_run.id' = r.id"
        " AND t.ai_output ->> '$.build_run.status' <> r.status"
    ),
    "a run without its event": (
        "SELECT id FROM build_runs WHERE id NOT IN"
        " (SELECT subject_id FROM events WHERE kind = 'build.triggered')"
    ),
    "a run that its ticket does not show": (
        "SELECT r.id FROM build_runs r JOIN tickets t ON t.id = r.ticket_id"
        " WHERE t.ai_output ->> '$.build_run.id' IS DISTINCT FROM r.id"
    ),
    "a suggestion without the event of its status": (
        "SELECT id, status FROM suggestions s WHERE status = 'processing'"
        " OR NOT EXISTS (SELECT 1 FROM events e WHERE e.ticket_id = s.ticket_id"
        " AND e.subject_id = s.id AND e.kind = 'suggestion.' ||"
        " CASE status WHEN 'pending' THEN 'created' ELSE status END)"
    ),
    "an executed suggestion whose ticket did not move": (
        "SELECT s.id FROM suggestions s JOIN tickets t ON t.id = s.ticket_id"
        " WHERE s.status = 'executed' AND (t.stage NOT IN ('validation', 'live')"
        " OR (t.stage = 'live') <> (t.status = 'closed') OR EXISTS (SELECT 1 FROM ticket_roles r"
        " WHERE r.ticket_id = t.id AND r.role <> 'qa' AND r.status <> 'done'))"
    ),
    "a role that is not listed as its ticket is": (
        "SELECT r.ticket_id, r.role FROM ticket_roles r JOIN tickets t ON t.id = r.ticket_id"
        " WHERE t.urgency IS NULL"
        " OR (r.project_id, r.number, r.stage, r.request_type, r.urgency)"
        " IS DISTINCT FROM (t.project_id, t.number, t.stage, t.request_type, t.urgency)"
    ),
    "a ticket that moved without a suggestion or somebody's work": (
        "SELECT id FROM tickets WHERE stage <> 'backlog' AND id NOT IN"
        " (SELECT ticket_id FROM suggestions WHERE status = 'executed')"
        " AND id NOT IN (SELECT ticket_id FROM events WHERE kind IN"
        " ('ticket.taken', 'ticket.updated', 'ticket.closed', 'ticket.reopened'))"
    ),
    "a role in progress that nobody holds": (
        "SELECT ticket_id, role FROM ticket_roles r WHERE status = 'in_progress'"
        " AND NOT EXISTS (SELECT 1 FROM takes k"
        " WHERE k.ticket_id = r.ticket_id AND k.role = r.role AND k.held = 1)"
    ),
    "a role that is held and not in progress": (
        "SELECT ticket_id, role FROM takes k WHERE held = 1"
        " AND NOT EXISTS (SELECT 1 FROM ticket_roles r"
        " WHERE r.ticket_id = k.ticket_id AND r.role = k.role AND r.status = 'in_progress')"
    ),
    "a ticket that counts its open blockers wrongly": (
        "SELECT id, blockers FROM tickets t WHERE blockers <> (SELECT count(*) FROM links l"
        " JOIN tickets b ON b.id = l.blocker_id WHERE l.ticket_id = t.id AND b.status = 'open')"
    ),
    "a linked repository without its event": (
        "SELECT id FROM repositories WHERE id NOT IN"
        " (SELECT subject_id FROM events WHERE kind = 'repository.linked')"
    ),
    "a webhook without its event": (
        "SELECT id FROM webhooks WHERE id NOT IN"
        " (SELECT subject_id FROM events WHERE kind = 'webhook.added')"
    ),
    "a webhook whose last switch is none that the history tells of": (
        "SELECT id FROM webhooks w WHERE (off_since IS NOT NULL) <> coalesce("
        "(SELECT kind = 'webhook.switched_off' FROM events WHERE subject_id = w.id"
        " AND kind LIKE 'webhook.switched%' ORDER BY seq DESC LIMIT 1), 1 = 0)"
    ),
    "a message to no webhook, of no event or of one that is not looked at yet": (
        "SELECT o.id FROM outbox o LEFT JOIN webhooks w ON w.id = o.webhook_id"
        " WHERE o.webhook_id IS NOT NULL AND (w.id IS NULL OR o.event_seq > w.position"
        " OR o.event_seq > 0 AND o.event_seq NOT IN (SELECT seq FROM events))"
    ),
    "an event that a webhook is told of twice": (
        "SELECT webhook_id, event_seq FROM outbox WHERE event_seq > 0"
        " GROUP BY webhook_id, event_seq HAVING count(*) > 1"
    ),
    "what is told of an unlinked repository": " UNION ALL ".join(
        f"SELECT repository_id, '{table}' AS kept FROM {table}"
        " WHERE repository_id NOT IN (SELECT id FROM repositories)"
        for table in TOLD
    ),
    "a mention of another project's ticket": (
        "SELECT m.ticket_id, m.change FROM mentions m JOIN tickets t ON t.id = m.ticket_id"
        " JOIN repositories r ON r.id = m.repository_id WHERE r.project_id <> t.project_id"
    ),
    "a ticket that waits for itself": (
        "WITH RECURSIVE waits (id, blocker_id) AS (SELECT ticket_id, blocker_id FROM links"
        " UNION SELECT w.id, l.blocker_id FROM waits w JOIN links l ON l.ticket_id = w.blocker_id)"
        " SELECT id FROM waits WHERE id = blocker_id"
    ),
}
"""By description: a query that must give no row."""
