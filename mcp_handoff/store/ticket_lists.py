"""Listing a project's tickets, page by page, at a cost that does not grow with their number.

An index has the tickets of a stage, kind and urgency by their numbers; a list is merged from such
stretches. Filters that no index has together are met by looking through the shortest list of one
of them, so far a page (docs/decisions/lists.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.principals import LOCAL
from mcp_handoff.store.pages import count, cut
from mcp_handoff.store.ticket_filters import conditions_of, folded
from mcp_handoff.store.ticket_rows import shown_columns
from mcp_handoff.store.transaction import Row, Stretch, Transaction
from mcp_handoff.takes import ME, NOBODY
from mcp_handoff.tickets import PRIORITIES, REQUEST_TYPES, FindTickets, urgency
from mcp_handoff.workflow import MERGED, WORK_ROLES, stages_of

SHORT = 1_000
"""How many tickets a list has at most that is looked through whole."""

LOOKED_THROUGH = 250
"""How many tickets of one urgency, or of all by their numbers, a page looks through for those that
fit filters which no index has together."""

_LAST = 2**62
"""A number above every ticket's."""

_URGENCY = 2**48
"""What one step of urgency is in a position, beside the number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page's rows without their long texts, the position after which the next page's are, and how
    many there are in all: COUNTED + 1 stands for more, None for not counted."""

    rows: Sequence[Row]
    next_position: int | None
    total: int | None = None
    tried: list[str] | None = None


@dataclass(frozen=True, slots=True)
class _Index:
    """An index of tickets, or of their roles, that has those with the same values in `columns` in
    the order of their numbers, if `is_ordered`; in `condition`, {x} is a row."""

    name: str | None
    columns: tuple[str, ...] = ()
    condition: str = "1 = 1"
    table: str = "tickets"
    is_ordered: bool = True


@dataclass(frozen=True, slots=True)
class _Path:
    """Indexes that together lead to tickets, to each once: to those alone that fit all filters, if
    `exact`, or to so few that all of them can be looked through, if `short`."""

    indexes: tuple[_Index, ...]
    urgencies: tuple[int, ...]
    exact: bool = False
    short: bool = False


_KIND = ("stage", "request_type", "urgency")
_BY_NUMBER = _Index(None)
_BY_STATUS = _Index("tickets_by_status", ("status", "urgency"))
_BY_STAGE = _Index("tickets_by_stage", _KIND)
_BY_ACTOR = _Index("tickets_by_actor", _KIND, "{x}.actor_key = :author")
_BY_PRINCIPAL = _Index("tickets_by_principal", _KIND, "{x}.principal_key = :author")
_BY_ROLE = _Index(
    "ticket_roles_by_stage",
    ("waits", *_KIND),
    "{x}.role = :role AND {x}.role <> 'merged'",
    "ticket_roles",
)
_BLOCKED = _Index("tickets_blocked", _KIND, "{x}.blockers > 0")
_READY = _Index(
    "ticket_roles_ready",
    ("role", "urgency"),
    "{x}.ready = 1 AND {x}.status = 'pending'",
    "ticket_roles",
)
_STALE = _Index(
    "takes_by_end",
    ("role", "urgency"),
    "{x}.held = 1 AND {x}.until <= :now",
    "takes",
    is_ordered=False,
)
_HELD = _Index("takes_held", ("role", "urgency"), "{x}.held = 1", "takes")
_HELD_BY_CALLER = _Index(
    "takes_by_owner", ("role", "urgency"), "{x}.held = 1 AND {x}.owner = :owner", "takes"
)
_BY_UPDATE = _Index(
    "tickets_by_update", condition="{x}.updated_at >= :updated_since", is_ordered=False
)


def list_tickets(
    tx: Transaction, caller: Caller, project: Row, request: FindTickets, position: int | None
) -> Found:
    """Return the page after `position`, the newest or the most urgent first; an offset counts from
    the first page on.

    A page that ends before it is full has a next one while there is more to look through.
    """
    conditions, values = conditions_of(project, request, caller, tx.now)
    values["newest"] = project["last_number"]
    if not stages_of(request.status, request.stage):
        return Found([], None, 0)
    path = _choose_path(tx, request, values)
    offset = request.offset if position is None else 0
    values |= _after(request, position)
    values |= {"rows": request.limit + 1, "offset": offset}
    if path.exact:
        values["reach"] = offset + request.limit + 1
    else:
        values["reach"] = _LAST if offset else SHORT if path.short else LOOKED_THROUGH
    rows, looked_at = list[Row](), None
    is_whole = path.exact or path.short or offset
    if request.order == "newest":
        values["floor"] = 0 if is_whole else _floor(tx, path, request, values)
    for part in [path] if is_whole else _parts(path, request, values):
        walk = _walk(tx, part, request)
        rows += tx.fetch_all(_select(walk, conditions, request), **values)
        if len(rows) > request.limit:
            break
        if not (path.exact or path.short):
            looked_at = tx.fetch_one(f"{walk} OFFSET :reach - 1", **values)
        if looked_at:
            break
    page = cut(rows, request.limit)
    last = page[-1] if len(page) < len(rows) else looked_at
    total = None
    if position is None and not offset and last is None:
        total = len(page)
    elif path.exact:
        total = count(tx, _rows(tx, path, request), values)
    elif path.short:
        whole = _fitting(_walk(tx, path, request), conditions)
        total = count(tx, f"SELECT 1 FROM {whole}", values | _after(request, None))
    return Found(page, _position(last, request) if last else None, total)


def newest_before(
    tx: Transaction, caller: Caller, project: Row, request: FindTickets, number: int, most: int
) -> list[Row]:
    """Return the newest tickets before a number, `most` of them at most: filtered by status and
    stage and by a role, which indexes have together."""
    if not stages_of(request.status, request.stage):
        return []
    conditions, values = conditions_of(project, request, caller, tx.now)
    walk = _walk(tx, _choose_path(tx, request, values), request)
    values |= _after(request, number) | {"rows": most, "offset": 0, "reach": most}
    return tx.fetch_all(_select(walk, conditions, request), **values)


def _select(walk: str, conditions: Sequence[str], request: FindTickets) -> str:
    """Return, in SQL, the rows of a page: those tickets of a walk that fit all conditions."""
    return (
        f"SELECT {shown_columns(slim=request.slim)}, t.seq, t.urgency"
        f" FROM {_fitting(walk, conditions)} ORDER BY {_order('t', request)}"
        " LIMIT :rows OFFSET :offset"
    )


def _choose_path(tx: Transaction, request: FindTickets, values: dict[str, Any]) -> _Path:
    """Return the path that leads to the fewest tickets; where all lead to many, one that leads to
    them in their order."""
    filters = (request.author, request.role, request.updated_since)
    filters += (request.ready, request.taken_by, request.blocked)
    paths: list[tuple[_Index, ...]] = []
    if request.ready:
        paths.append((_READY, _STALE))
    if request.blocked:
        paths.append((_BLOCKED,))
    if request.taken_by and folded(request.taken_by) != NOBODY:
        paths.append((_HELD_BY_CALLER if folded(request.taken_by) == ME else _HELD,))
    if request.role and request.role != MERGED:
        paths.append((_BY_ROLE,))
    if request.author and folded(request.author) != LOCAL.name:
        paths.append((_BY_ACTOR, _BY_PRINCIPAL))
    levels = tuple(_urgencies(request))
    is_one = paths and sum(map(bool, filters)) == 1 and not (request.ready or request.taken_by)
    if not any(filters) or is_one:
        return _Path(paths[0] if paths else (_plain_index(request),), levels, exact=True)
    paths.append((_plain_index(request),))
    if request.updated_since:
        paths.append((_BY_UPDATE,))
    lengths = [
        count(tx, _rows(tx, _Path(indexes, levels), request), values, most=SHORT)
        for indexes in paths
    ]
    shortest = min(lengths)
    return _Path(paths[lengths.index(shortest)], levels, short=shortest <= SHORT)


def _floor(tx: Transaction, path: _Path, request: FindTickets, values: Mapping[str, Any]) -> int:
    """Return a number from which on a path leads to `:reach` tickets before a position at least,
    and to few more; 0 where it leads to fewer."""
    newest = min(values["number"], values["newest"] + 1)
    window = 8 * values["reach"]
    while window < newest:
        bounded = {**values, "floor": newest - window}
        rows = f"SELECT DISTINCT * FROM ({_rows(tx, path, request, after=True)}) AS x"
        if count(tx, rows, bounded, most=values["reach"]) >= values["reach"]:
            return newest - window
        window *= 8
    return 0


def _parts(path: _Path, request: FindTickets, values: dict[str, Any]) -> list[_Path]:
    """Return the parts of a path from a position on, one after the other in the order that is asked
    for: what is merged of fewer stretches is merged sooner."""
    if request.order == "newest":
        return [path]
    left = [level for level in path.urgencies if level >= values["urgency"]]
    return [replace(path, urgencies=(level,)) for level in left]


def _fitting(walk: str, conditions: Sequence[str]) -> str:
    """Return, in SQL, those tickets `t` of a walk that fit all conditions."""
    # SQLite keeps to the order of a CROSS JOIN.
    fits = " AND ".join(["t.number = w.number", *conditions])
    return f"({walk}) w CROSS JOIN tickets t WHERE {fits}"


def _plain_index(request: FindTickets) -> _Index:
    if request.stage or request.request_type:
        return _BY_STAGE
    is_plain = request.priority is None and request.blocking is None and request.status == "any"
    return _BY_NUMBER if is_plain and request.order == "newest" else _BY_STATUS


def _walk(tx: Transaction, path: _Path, request: FindTickets) -> str:
    """Return, in SQL, the first `:reach` tickets after a position that a path leads to."""
    rows = _rows(tx, path, request, after=True)
    # A ticket has several roles, and may be in several stretches for them.
    once = "" if path.exact else "DISTINCT"
    return f"SELECT {once} * FROM ({rows}) AS x ORDER BY {_order('x', request)} LIMIT :reach"


def _rows(tx: Transaction, path: _Path, request: FindTickets, *, after: bool = False) -> str:
    """Return, in SQL, the rows that a path leads to; those alone that can be among the first
    `:reach` after a position, with `after`."""
    values: dict[str, Sequence[str | int]] = {
        "waits": [1] if request.still_to_act else [0, 1],
        "status": ["open", "closed"] if request.status == "any" else [request.status],
        "stage": stages_of(request.status, request.stage),
        "request_type": [request.request_type] if request.request_type else REQUEST_TYPES,
        "urgency": path.urgencies,
        "role": [request.role] if request.role else WORK_ROLES,
    }
    return " UNION ALL ".join(
        _rows_of(tx, index, values, request, after=after, exact=path.exact)
        for index in path.indexes
    )


def _rows_of(
    tx: Transaction,
    index: _Index,
    values: Mapping[str, Sequence[str | int]],
    request: FindTickets,
    *,
    after: bool,
    exact: bool,
) -> str:
    conditions = [index.condition, "{x}.project_id = :project_id"]
    tables = ["(VALUES (1)) AS one"]
    for column in index.columns:
        listed = ", ".join(f"({value!r})" for value in values[column])
        tables.append(f"(VALUES {listed}) AS {column}_of")
        conditions.append(f"{{x}}.{column} = {column}_of.column1")
    has_urgency = "urgency" in index.columns
    if after and request.order == "newest":
        conditions.append("{x}.number < :number")
        if not exact:
            conditions.append("{x}.number >= :floor")
    elif after and has_urgency:
        conditions.append("urgency_of.column1 >= :urgency")
        begin = "CASE WHEN urgency_of.column1 = :urgency THEN :number ELSE 0 END"
        conditions.append(f"{{x}}.number > {begin}")
    elif after:
        conditions.append("({x}.urgency, {x}.number) > (:urgency, :number)")
    stretch = Stretch(
        table=index.table,
        index=index.name,
        condition=" AND ".join(conditions),
        newest_first=request.order == "newest",
    )
    urgency_of = f", {'urgency_of.column1' if has_urgency else 'x.urgency'} AS urgency"
    is_bounded = exact or request.order == "urgency"
    limit = "reach" if after and index.is_ordered and is_bounded else None
    return (
        f"SELECT x.number{urgency_of if request.order == 'urgency' else ''}"
        f" FROM {' CROSS JOIN '.join(tables)} {tx.join_first(stretch, limit)}"
    )


def _urgencies(request: FindTickets) -> Iterator[int]:
    for blocking in (True, False):
        for priority in PRIORITIES:
            if request.blocking in (None, blocking) and request.priority in (None, priority):
                yield urgency(priority, blocking=blocking)


def _order(table: str, request: FindTickets) -> str:
    if request.order == "newest":
        return f"{table}.number DESC"
    return f"{table}.urgency, {table}.number"


def _after(request: FindTickets, position: int | None) -> dict[str, int]:
    """Return the values of a position, None for the one before all tickets."""
    if position is None:
        return {"urgency": 0, "number": _LAST if request.order == "newest" else 0}
    if request.order == "newest":
        return {"urgency": 0, "number": position}
    return dict(zip(("urgency", "number"), divmod(position, _URGENCY), strict=True))


def _position(row: Row, request: FindTickets) -> int:
    return row["number"] + (row["urgency"] * _URGENCY if request.order == "urgency" else 0)
