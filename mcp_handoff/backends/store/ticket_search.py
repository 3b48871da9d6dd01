"""Searching a project's tickets, page by page."""

from dataclasses import dataclass

from mcp_handoff.backends.store.transaction import Row, Transaction
from mcp_handoff.references import parse_name
from mcp_handoff.tickets import FindTickets

_BEFORE_ALL = 2**63 - 1
"""The position in front of every ticket's number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page's rows, and the number below which the next page's are."""

    rows: list[Row]
    next_position: int | None


def search(tx: Transaction, project: Row, request: FindTickets, position: int | None) -> Found:
    """Return the page of `request` below `position`, newest first.

    A query that is a ticket's number or reference has that ticket on top of its first page.
    """
    named = _named(tx, project, request)
    below = _BEFORE_ALL if position is None else position
    rows = _select(tx, project, request, below, excluded=named["number"] if named else 0)
    if named and position is None:
        rows = [named, *rows]
    page = rows[: request.limit]
    if len(rows) <= request.limit:
        return Found(page, None)
    return Found(page, _BEFORE_ALL if page[-1] is named else page[-1]["number"])


def _named(tx: Transaction, project: Row, request: FindTickets) -> Row | None:
    try:
        key = parse_name(request.query or "")
    except ValueError:
        return None
    if key.number is None or key.project not in (None, project["slug"]):
        return None
    alone = request.model_copy(update={"query": None, "limit": 1})
    rows = _select(tx, project, alone, key.number + 1)
    return rows[0] if rows and rows[0]["number"] == key.number else None


def _select(
    tx: Transaction, project: Row, request: FindTickets, below: int, *, excluded: int = 0
) -> list[Row]:
    """Return one row more than the limit, so that it is known whether there are more."""
    match = tx.match(request.query) if request.query else None
    conditions = {
        "t.status = :status": None if request.status == "any" else request.status,
        "t.stage = :stage": request.stage,
        "t.request_type = :request_type": request.request_type,
        "EXISTS (SELECT 1 FROM ticket_roles r WHERE r.ticket_id = t.id AND r.role = :role)": (
            request.role
        ),
        tx.search.condition: match,
    }
    wanted = [condition for condition, value in conditions.items() if value is not None]
    always = ["t.project_id = :project_id", "t.number < :below", "t.number <> :excluded"]
    return tx.all(
        f"SELECT t.* FROM {tx.search.source if match else 'tickets t'}"
        f" WHERE {' AND '.join([*always, *wanted])}"
        f" ORDER BY {tx.search.order if match else 't.number DESC'} LIMIT :rows",
        project_id=project["id"],
        below=below,
        excluded=excluded,
        status=request.status,
        stage=request.stage,
        request_type=request.request_type,
        role=request.role,
        match=match,
        rows=request.limit + 1,
    )
