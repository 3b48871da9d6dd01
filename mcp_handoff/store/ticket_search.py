"""Searching a project's tickets, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcp_handoff.references import parse_name
from mcp_handoff.store.pages import cut, size_of
from mcp_handoff.store.ticket_rows import SUMMARY_COLUMNS
from mcp_handoff.store.transaction import Row, Transaction, placeholders
from mcp_handoff.tickets import FindTickets

_BEFORE_ALL = 2**63 - 1
"""The position in front of every ticket's number."""

_SLIM = size_of("t.title", "t.actor_id")
_WHOLE = size_of(
    "t.title",
    "t.actor_id",
    "t.description",
    "t.evidence",
    "t.suggested_resolution",
    "t.implementation_notes",
    "t.ai_output",
    "t.resolution_note",
)


@dataclass(frozen=True, slots=True)
class Found:
    """A page's rows without their long texts, and the number below which the next page's are."""

    rows: Sequence[Row]
    next_position: int | None


def search(tx: Transaction, project: Row, request: FindTickets, position: int | None) -> Found:
    """Return the page below `position`, newest first; an offset counts from the first page on.

    A query that is a ticket's number or reference has that ticket on top of its first page.
    """
    named = _named(tx, project, request)
    below = _BEFORE_ALL if position is None else position
    offset = request.offset if position is None else 0
    excluded = named["number"] if named else 0
    rows = _select(tx, project, request, below, offset=offset, excluded=excluded)
    if named and position is None and not offset:
        rows = [named, *rows]
    page = cut(rows, request.limit)
    if len(page) == len(rows):
        return Found(page, None)
    return Found(page, _BEFORE_ALL if page[-1] is named else page[-1]["number"])


def _named(tx: Transaction, project: Row, request: FindTickets) -> Row | None:
    """Return the ticket that the query is a name of, when it is wanted otherwise."""
    try:
        key = parse_name(request.query or "")
    except ValueError:
        return None
    if key.number is None or key.project not in (None, project["slug"]):
        return None
    one = request.model_copy(update={"query": None, "limit": 1})
    rows = _select(tx, project, one, key.number + 1)
    return rows[0] if rows and rows[0]["number"] == key.number else None


def _select(
    tx: Transaction,
    project: Row,
    request: FindTickets,
    below: int,
    *,
    offset: int = 0,
    excluded: int = 0,
) -> list[Row]:
    """Return one row more than the limit, so that it is known whether there are more."""
    conditions = ["t.project_id = :project_id", "t.number < :below", "t.number <> :excluded"]
    source, order, match = "tickets t", "t.number DESC", None
    if request.query:
        source, order, match = tx.search.source, tx.search.order, tx.match(request.query)
        conditions.append(tx.search.condition)
    if request.status != "any":
        conditions.append("t.status = :status")
    stages, stage_values = placeholders("stage", request.stage)
    if request.stage:
        conditions.append(f"t.stage IN ({stages})")
    if request.request_type:
        conditions.append("t.request_type = :request_type")
    if request.role:
        conditions.append(
            "EXISTS (SELECT 1 FROM ticket_roles r WHERE r.ticket_id = t.id AND r.role = :role)"
        )
    return tx.fetch_all(
        f"SELECT {SUMMARY_COLUMNS}, {_SLIM if request.slim else _WHOLE} FROM {source}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT :rows OFFSET :offset",
        project_id=project["id"],
        below=below,
        excluded=excluded,
        match=match,
        status=request.status,
        request_type=request.request_type,
        role=request.role,
        rows=request.limit + 1,
        offset=offset,
        **stage_values,
    )
