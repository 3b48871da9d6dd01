"""Suggestions as they are stored and read: one, those of a ticket, a project's page by page."""

from mcp_handoff.actors import Caller
from mcp_handoff.events import author
from mcp_handoff.references import reference
from mcp_handoff.schema import timestamp
from mcp_handoff.store import cursors, projects
from mcp_handoff.store.lookup import look_up_ticket
from mcp_handoff.store.pages import count, cut, size_of, whole
from mcp_handoff.store.proofs import proof_of
from mcp_handoff.store.transaction import Row, Transaction, decode_json
from mcp_handoff.suggestions import ListSuggestions, Suggestion, SuggestionPage

DUE = "s.status = 'pending' AND s.expires_at <= :now"
_EXPIRED = f"(s.status = 'expired' OR ({DUE}))"
_COLUMNS = (
    "s.*, t.title AS ticket_title, t.number AS ticket_number, t.version, t.stage,"
    " t.blockers, p.require_proof, p.four_eyes,"
    " EXISTS (SELECT 1 FROM repositories r WHERE r.project_id = s.project_id) AS has_repositories,"
    f" p.slug AS project_slug, CASE WHEN {_EXPIRED} THEN 'expired' ELSE s.status END AS status"
)
_JOINED = (
    "suggestions s JOIN tickets t ON t.id = s.ticket_id JOIN projects p ON p.id = s.project_id"
)
SELECT = f"SELECT {_COLUMNS} FROM {_JOINED}"
# What is settled has one such event. An index has these events alone, and by these very words.
SELECT_SETTLED = (
    f"SELECT {_COLUMNS}, e.created_at AS settled_at, e.actor_role AS settled_role,"
    " e.actor_id AS settled_actor, e.principal_id AS settled_id, e.principal_name AS settled_name"
    f" FROM {_JOINED} LEFT JOIN events e ON e.subject_id = s.id AND e.kind IN"
    " ('suggestion.executed', 'suggestion.declined', 'suggestion.skipped')"
)
_SIZE = size_of("s.evidence", "s.reason")
BY_STATUS = {
    "any": "s.status IS NOT NULL",
    "expired": _EXPIRED,
    "pending": "s.status = 'pending' AND s.expires_at > :now",
}


def list_suggestions(tx: Transaction, caller: Caller, request: ListSuggestions) -> SuggestionPage:
    """Return a page of a project's suggestions, newest first."""
    ticket_id = None
    if request.ticket:
        found = look_up_ticket(tx, caller, request.ticket, request.project)
        project, ticket_id = found.project, found.ticket["id"]
    else:
        project = projects.find_named(tx, caller, request.project)
    scope = project["id"] if project else "", ticket_id or ""
    position = cursors.decode_number(request.cursor, request, *scope)
    if project is None:
        return SuggestionPage(total=0, suggestions=[], matching=0)
    by_status = BY_STATUS.get(request.status, "s.status = :status")
    of = "s.ticket_id = :ticket_id" if ticket_id else "s.project_id = :project_id"
    after = "AND s.seq < :position" if position is not None else ""
    values = {
        "project_id": project["id"],
        "ticket_id": ticket_id,
        "status": request.status,
        "now": timestamp(tx.now),
    }
    matching = f"FROM suggestions s WHERE {of} AND {by_status}"
    rows = tx.fetch_all(
        f"SELECT s.id, s.seq, {_SIZE} {matching} {after} ORDER BY s.seq DESC LIMIT :rows",
        position=position,
        rows=request.limit + 1,
        **values,
    )
    page = cut(rows, request.limit)
    more = len(page) < len(rows)
    select = SELECT if request.status == "pending" else SELECT_SETTLED
    rows = whole(tx, select, "s", page, now=timestamp(tx.now))
    return SuggestionPage(
        total=len(page),
        suggestions=[suggestion_of(tx, row) for row in rows],
        next_cursor=cursors.encode(page[-1]["seq"], request, *scope) if more else None,
        matching=count(tx, f"SELECT 1 {matching}", values) if more or position else len(page),
    )


def pending_of(tx: Transaction, ticket_id: str) -> list[Row]:
    """Return a ticket's pending suggestions; nobody else settles them until the transaction ends.
    The ticket is locked."""
    rows = tx.fetch_all(
        "SELECT s.id FROM suggestions s WHERE s.ticket_id = :ticket_id"
        f" AND {BY_STATUS['pending']} ORDER BY s.seq",
        ticket_id=ticket_id,
        now=timestamp(tx.now),
    )
    locked = (
        tx.fetch_one_locked(f"{SELECT} WHERE s.id = :id", "s", id=row["id"], now=timestamp(tx.now))
        for row in rows
    )
    return [row for row in locked if row and row["status"] == "pending"]


def all_of(tx: Transaction, ticket_id: str) -> list[Row]:
    """Return all suggestions that a ticket ever had, each with its status as it is by now."""
    return tx.fetch_all(
        f"{SELECT} WHERE s.ticket_id = :ticket_id", ticket_id=ticket_id, now=timestamp(tx.now)
    )


def of_ticket(tx: Transaction, ticket_id: str, limit: int) -> list[Suggestion]:
    """Return a ticket's newest suggestions, newest first."""
    rows = tx.fetch_all(
        f"{SELECT_SETTLED} WHERE s.ticket_id = :ticket_id ORDER BY s.seq DESC LIMIT :limit",
        ticket_id=ticket_id,
        limit=limit,
        now=timestamp(tx.now),
    )
    return [suggestion_of(tx, row) for row in rows]


def read_settled(tx: Transaction, suggestion_id: str) -> Row:
    """Return a suggestion with who settled it, as it now is."""
    row = tx.fetch_one(
        f"{SELECT_SETTLED} WHERE s.id = :id", id=suggestion_id, now=timestamp(tx.now)
    )
    assert row is not None, "it was found before"
    return row


def suggestion_of(tx: Transaction, row: Row) -> Suggestion:
    """Return a suggestion; a pending one with what was seen of its merge by now, another with what
    it was settled on."""
    fields = {
        **row,
        "ticket_reference": reference(row["ticket_number"], row["project_slug"]),
        "evidence": decode_json(row["evidence"]),
        "proof": proof_of(tx, row) if row["status"] == "pending" else decode_json(row["proof"]),
    }
    if row["actor_role"]:
        fields["suggested_by"] = author(
            row["actor_role"], row["actor_id"], row["principal_id"], row["principal_name"]
        )
    if row["status"] == "expired":
        fields["settled_at"] = row["expires_at"]
    if row.get("settled_role"):
        fields["settled_by"] = author(
            row["settled_role"], row["settled_actor"], row["settled_id"], row["settled_name"]
        )
    return Suggestion.model_validate(fields)
