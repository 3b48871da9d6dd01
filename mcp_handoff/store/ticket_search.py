"""Searching a project's tickets, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcp_handoff.references import parse_name
from mcp_handoff.store.transaction import Row, Transaction, placed

_BEFORE_ALL = 2**63 - 1
"""The position in front of every ticket's number."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of a project's tickets are wanted: None and () stand for all of them."""

    limit: int
    offset: int = 0
    query: str | None = None
    status: str | None = None
    stages: Sequence[str] = ()
    request_type: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page's rows, and the number below which the next page's are."""

    rows: list[Row]
    next_position: int | None


def search(tx: Transaction, project: Row, wanted: Filter, position: int | None) -> Found:
    """Return the page below `position`, newest first.

    A query that is a ticket's number or reference has that ticket on top of its first page.
    """
    named = _named(tx, project, wanted)
    below = _BEFORE_ALL if position is None else position
    rows = _select(tx, project, wanted, below, excluded=named["number"] if named else 0)
    if named and position is None and not wanted.offset:
        rows = [named, *rows]
    page = rows[: wanted.limit]
    if len(rows) <= wanted.limit:
        return Found(page, None)
    return Found(page, _BEFORE_ALL if page[-1] is named else page[-1]["number"])


def _named(tx: Transaction, project: Row, wanted: Filter) -> Row | None:
    try:
        key = parse_name(wanted.query or "")
    except ValueError:
        return None
    if key.number is None or key.project not in (None, project["slug"]):
        return None
    rows = _select(tx, project, replace(wanted, query=None, limit=1, offset=0), key.number + 1)
    return rows[0] if rows and rows[0]["number"] == key.number else None


def _select(
    tx: Transaction, project: Row, wanted: Filter, below: int, *, excluded: int = 0
) -> list[Row]:
    """Return one row more than the limit, so that it is known whether there are more."""
    match = tx.match(wanted.query) if wanted.query else None
    places, stages = placed("stage", wanted.stages)
    conditions = {
        "t.status = :status": wanted.status,
        f"t.stage IN ({places})": stages or None,
        "t.request_type = :request_type": wanted.request_type,
        "EXISTS (SELECT 1 FROM ticket_roles r WHERE r.ticket_id = t.id AND r.role = :role)": (
            wanted.role
        ),
        tx.search.condition: match,
    }
    given = [condition for condition, value in conditions.items() if value is not None]
    always = ["t.project_id = :project_id", "t.number < :below", "t.number <> :excluded"]
    return tx.all(
        f"SELECT t.* FROM {tx.search.source if match else 'tickets t'}"
        f" WHERE {' AND '.join([*always, *given])}"
        f" ORDER BY {tx.search.order if match else 't.number DESC'} LIMIT :rows OFFSET :skipped",
        project_id=project["id"],
        below=below,
        excluded=excluded,
        status=wanted.status,
        request_type=wanted.request_type,
        role=wanted.role,
        match=match,
        rows=wanted.limit + 1,
        skipped=wanted.offset,
        **stages,
    )
