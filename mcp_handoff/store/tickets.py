"""Filing, finding and reading tickets."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.ids import new_id
from mcp_handoff.masking import masked_fields
from mcp_handoff.references import reference
from mcp_handoff.schema import CALL_KEY, timestamp
from mcp_handoff.store import (
    cursors,
    details,
    history,
    idempotency,
    links,
    projects,
    takes,
    ticket_lists,
    ticket_search,
)
from mcp_handoff.store.lookup import look_up_ticket
from mcp_handoff.store.similar_tickets import similar_tickets
from mcp_handoff.store.ticket_filters import author_keys
from mcp_handoff.store.ticket_rows import (
    LISTED_COLUMNS,
    listed_tickets,
    roles_of,
    summary,
)
from mcp_handoff.store.ticket_terms import index_ticket
from mcp_handoff.store.transaction import Row, Transaction, encode_json, insert
from mcp_handoff.tickets import (
    NAMED_PROJECTS,
    REPEAT_WINDOW_SECONDS,
    CreatedTicket,
    CreateTicket,
    FindTickets,
    GetTicket,
    TicketDetail,
    TicketPage,
    TicketSummary,
    urgency,
)
from mcp_handoff.workflow import MERGED, Standing, TicketRole

_TEXTS = {"title", "description", "evidence", "suggested_resolution", "implementation_notes"}
_KINDS = {"request_type", "priority", "blocking"}


def _require_sight(tx: Transaction, caller: Caller, request: CreateTicket) -> None:
    projects.find_seen(tx, caller, request.project)


@idempotency.once(CreatedTicket, access=_require_sight)
def create_ticket(tx: Transaction, caller: Caller, request: CreateTicket) -> CreatedTicket:
    """File a ticket, or return the open one that this call repeats."""
    project = projects.open_or_create(tx, caller, request.project)
    texts, masked = masked_fields(request.model_dump(include=_TEXTS))
    content = {**texts, **request.model_dump(include=_KINDS)}
    whole = [caller.owner, project["id"], content, sorted(request.roles)]
    if request.blocked_by:
        whole.append(sorted(request.blocked_by))
    fingerprint = int(idempotency.fingerprint(whole), 16) - 2**63
    tx.lock("projects", project["id"])
    repeated, key = None, request.idempotency_key
    if key is None or key.startswith(CALL_KEY):
        repeated = tx.fetch_one(
            "SELECT * FROM tickets WHERE fingerprint = :fingerprint AND created_at >= :since"
            " AND status = 'open' ORDER BY seq DESC LIMIT 1",
            fingerprint=fingerprint,
            since=timestamp(tx.now - timedelta(seconds=REPEAT_WINDOW_SECONDS)),
        )
    if repeated:
        fields = summary(repeated, project["slug"], roles_of(tx, repeated["id"]))
        return CreatedTicket(ticket=TicketSummary.model_validate(fields), deduplicated=True)
    similar = similar_tickets(tx, project, request)
    blockers: list[Row] = []
    if request.blocked_by:
        blockers = links.lock_blockers(tx, caller, project, request.blocked_by)
    content |= {"fingerprint": fingerprint, "blockers": links.count_open(blockers)}
    roles = [TicketRole(role=role, status="pending") for role in (*request.roles, MERGED)]
    row = _file(tx, caller, project, content, roles)
    if blockers:
        links.link(tx, row["id"], blockers)
    fields = summary(row, project["slug"], roles)
    ticket = TicketSummary.model_validate(fields)
    return CreatedTicket(ticket=ticket, deduplicated=False, similar=similar, masked=masked)


def find_tickets(tx: Transaction, caller: Caller, request: FindTickets) -> TicketPage:
    """Return a page of tickets, in the order that is asked for, or the best that a query finds; one
    named by its number comes before them all."""
    project = projects.find_named(tx, caller, request.project)
    scope = project["id"] if project else ""
    position = cursors.decode_number(request.cursor, request, scope)
    if project is None or not project["last_number"]:
        slugs = projects.seen_slugs(tx, caller, NAMED_PROJECTS)
        return TicketPage(tickets=[], total=0, projects=slugs)
    if request.query:
        found = ticket_search.search(tx, caller, project, request, position)
    else:
        found = ticket_lists.list_tickets(tx, caller, project, request, position)
    after = found.next_position
    return TicketPage(
        tickets=listed_tickets(tx, found.rows, project["slug"], slim=request.slim),
        next_cursor=cursors.encode(after, request, scope) if after else None,
        total=found.total,
        tried=found.tried,
    )


def get_ticket(tx: Transaction, caller: Caller, request: GetTicket) -> tuple[TicketDetail, bool]:
    """Return a ticket with all that is shown of it, and whether the caller's takes on it should be
    renewed: this is a call of their holder's."""
    found = look_up_ticket(tx, caller, request.ticket, request.project)
    detail = details.of_ticket(tx, found)
    return detail, bool(detail.takes) and takes.is_renewal_due(tx, caller, found.ticket["id"])


def _file(
    tx: Transaction,
    caller: Caller,
    project: Row,
    content: Mapping[str, Any],
    roles: Sequence[TicketRole],
) -> Row:
    """Give a ticket the next number of its project, and insert it with its roles."""
    numbered = tx.fetch_one(
        "UPDATE projects SET last_number = last_number + 1 WHERE id = :id RETURNING last_number",
        id=project["id"],
    )
    assert numbered is not None, "the project was read in this transaction"
    now = timestamp(tx.now)
    row: dict[str, Any] = {
        **content,
        "id": new_id(),
        "project_id": project["id"],
        "number": numbered["last_number"],
        "blocking": int(content["blocking"]),
        "evidence": encode_json(content["evidence"]),
        "status": "open",
        "stage": "backlog",
        **caller.actor.as_json(),
        **caller.principal.as_json(),
        **author_keys(caller.actor.id, caller.principal),
        "urgency": urgency(content["priority"], blocking=content["blocking"]),
        "created_at": now,
        "updated_at": now,
    }
    insert(tx, "tickets", row)
    index_ticket(tx, row)
    listed = {name: row[name] for name in LISTED_COLUMNS}
    of_ticket = {"ticket_id": row["id"], "updated_at": now, "waits": 1, **listed}
    standing = Standing.of("backlog", roles)
    for place, role in enumerate(roles):
        ready = standing.is_clear_for(role.role) and not row["blockers"]
        own = {"position": place, "role": role.role, "status": role.status, "ready": int(ready)}
        insert(tx, "ticket_roles", {**of_ticket, **own})
    history.add_event(
        tx,
        caller,
        "ticket.created",
        subject_id=row["id"],
        project_id=project["id"],
        ticket_id=row["id"],
        reference=reference(row["number"], project["slug"]),
        after={"status": "open", "stage": "backlog", "roles": [role.role for role in roles]},
    )
    return row
