"""Filing, finding and reading tickets."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.ids import new_id
from mcp_handoff.masking import masked_fields
from mcp_handoff.store import (
    builds,
    cursors,
    history,
    idempotency,
    projects,
    suggestions,
    ticket_search,
)
from mcp_handoff.store.locating import locate
from mcp_handoff.store.ticket_rows import roles_by_ticket, summaries, summary
from mcp_handoff.store.ticket_search import Filter
from mcp_handoff.store.transaction import Row, Transaction, insert, timestamp
from mcp_handoff.tickets import (
    MERGED,
    REPEAT_WINDOW_SECONDS,
    CreatedTicket,
    CreateTicket,
    FindTickets,
    GetTicket,
    ListTickets,
    Ticket,
    TicketDetail,
    TicketList,
    TicketPage,
    TicketRole,
    TicketSummary,
    require_roles,
)

DETAIL_ROWS = 5
"""How many of a ticket's newest suggestions, builds and events are shown with it."""

_TEXTS = {"title", "description", "evidence", "suggested_resolution", "implementation_notes"}
_KINDS = {"request_type", "priority", "blocking"}
_JSON_COLUMNS = ("evidence", "ai_output")


def create_ticket(tx: Transaction, caller: Caller, request: CreateTicket) -> CreatedTicket:
    """File a ticket, or return the open one that this call repeats."""
    require_roles(caller.actor.role, request.roles)
    return idempotency.once(
        tx, caller, request, CreatedTicket, lambda: _create_or_repeat(tx, caller, request)
    )


def find_tickets(tx: Transaction, caller: Caller, request: FindTickets) -> TicketPage:
    """Return a page of tickets, newest first; one named by its number comes before them all."""
    position = cursors.decode(request, request.cursor)
    project = projects.find_named(tx, caller, request.project)
    if project is None:
        return TicketPage(tickets=[])
    wanted = Filter(
        limit=request.limit,
        query=request.query,
        status=None if request.status == "any" else request.status,
        stages=[request.stage] if request.stage else (),
        request_type=request.request_type,
        role=request.role,
    )
    found = ticket_search.search(tx, project, wanted, position)
    return TicketPage(
        tickets=summaries(tx, found.rows, project["slug"]),
        next_cursor=cursors.encode(request, found.next_position) if found.next_position else None,
    )


def list_tickets(tx: Transaction, caller: Caller, request: ListTickets) -> TicketList:
    """Return a page of whole tickets, newest first."""
    position = cursors.decode(request, request.cursor)
    project = projects.find_named(tx, caller, request.project)
    if project is None:
        return TicketList(tickets=[])
    wanted = Filter(
        limit=request.limit,
        offset=0 if position else request.offset,
        query=request.query,
        status=request.status,
        stages=request.stages,
        request_type=request.request_type,
        role=request.role,
    )
    found = ticket_search.search(tx, project, wanted, position)
    return TicketList(
        tickets=_wholes(tx, found.rows, project["slug"]),
        next_cursor=cursors.encode(request, found.next_position) if found.next_position else None,
    )


def get_ticket(tx: Transaction, caller: Caller, request: GetTicket) -> TicketDetail:
    """Return a ticket with its newest suggestions, builds and events."""
    found = locate(tx, caller, request.ticket, request.project)
    ticket_id = found.ticket["id"]
    return TicketDetail(
        ticket=_wholes(tx, [found.ticket], found.slug)[0],
        suggestions=suggestions.of_ticket(tx, ticket_id, DETAIL_ROWS),
        builds=builds.of_ticket(tx, ticket_id, DETAIL_ROWS),
        events=history.newest(tx, ticket_id, DETAIL_ROWS),
    )


def _create_or_repeat(tx: Transaction, caller: Caller, request: CreateTicket) -> CreatedTicket:
    project = projects.open_or_create(tx, caller, request.project)
    texts, masked = masked_fields(request.model_dump(include=_TEXTS))
    content = {**texts, **request.model_dump(include=_KINDS)}
    mark = _fingerprint(caller, project, content, request.roles)
    tx.hold("projects", project["id"])
    if request.idempotency_key is None and (row := _repeated(tx, mark)):
        return CreatedTicket(ticket=summaries(tx, [row], project["slug"])[0], deduplicated=True)
    row = _file(tx, caller, project, content, mark)
    roles = _assign(tx, row["id"], [*request.roles, MERGED])
    _remember(tx, caller, row, roles)
    return CreatedTicket(
        ticket=TicketSummary.model_validate(summary(row, project["slug"], roles)),
        deduplicated=False,
        masked=masked,
    )


def _fingerprint(caller: Caller, project: Row, content: Row, roles: Sequence[str]) -> int:
    whole = [caller.actor.principal, project["id"], content, sorted(roles)]
    return int(idempotency.fingerprint(whole), 16) - 2**63


def _repeated(tx: Transaction, mark: int) -> Row | None:
    since = timestamp(tx.now - timedelta(seconds=REPEAT_WINDOW_SECONDS))
    return tx.one(
        "SELECT * FROM tickets WHERE fingerprint = :mark AND created_at >= :since"
        " AND status = 'open' ORDER BY seq DESC LIMIT 1",
        mark=mark,
        since=since,
    )


def _file(
    tx: Transaction, caller: Caller, project: Row, content: Mapping[str, Any], mark: int
) -> Row:
    now = timestamp(tx.now)
    row = {
        **content,
        "id": new_id(),
        "project_id": project["id"],
        "number": _next_number(tx, project["id"]),
        "blocking": int(content["blocking"]),
        "evidence": _json(content["evidence"]),
        "status": "open",
        "stage": "backlog",
        **caller.actor.as_json(),
        "fingerprint": mark,
        "created_at": now,
        "updated_at": now,
    }
    insert(tx, "tickets", row)
    return row


def _next_number(tx: Transaction, project_id: str) -> int:
    row = tx.one(
        "UPDATE projects SET last_number = last_number + 1 WHERE id = :id RETURNING last_number",
        id=project_id,
    )
    assert row is not None, "the project was read in this transaction"
    return row["last_number"]


def _assign(tx: Transaction, ticket_id: str, roles: Sequence[str]) -> list[TicketRole]:
    now = timestamp(tx.now)
    for position, role in enumerate(roles):
        tx.run(
            "INSERT INTO ticket_roles (ticket_id, position, role, status, updated_at)"
            " VALUES (:ticket_id, :position, :role, 'pending', :now)",
            ticket_id=ticket_id,
            position=position,
            role=role,
            now=now,
        )
    return [TicketRole(role=role, status="pending") for role in roles]


def _remember(tx: Transaction, caller: Caller, row: Row, roles: Sequence[TicketRole]) -> None:
    history.record(
        tx,
        caller.actor,
        "ticket.created",
        subject_id=row["id"],
        project_id=row["project_id"],
        ticket_id=row["id"],
        after={"status": "open", "stage": "backlog", "roles": [role.role for role in roles]},
    )


def _wholes(tx: Transaction, rows: Sequence[Row], slug: str) -> list[Ticket]:
    roles = roles_by_ticket(tx, [row["id"] for row in rows])
    return [_whole(row, slug, roles[row["id"]]) for row in rows]


def _whole(row: Row, slug: str, roles: list[TicketRole]) -> Ticket:
    texts = {name: json.loads(row[name]) if row[name] else None for name in _JSON_COLUMNS}
    return Ticket.model_validate({**summary(row, slug, roles), **texts})


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
