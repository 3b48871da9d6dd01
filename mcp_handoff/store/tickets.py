"""Filing, finding and reading tickets."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.ids import new_id
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
    ticket_terms,
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
from mcp_handoff.store.transaction import Row, Transaction, encode_json
from mcp_handoff.text.masking import masked_fields
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


def create_ticket(
    tx: Transaction, caller: Caller, request: CreateTicket
) -> Callable[[], CreatedTicket]:
    """File a ticket, or find the open one that this call repeats, and return what gives it once the
    transaction is durable: until then its number keeps all others waiting."""
    if request.idempotency_key is None:
        return _create(tx, caller, request)
    created = _create_once(tx, caller, request)
    return lambda: created


@idempotency.once(CreatedTicket, access=_require_sight)
def _create_once(tx: Transaction, caller: Caller, request: CreateTicket) -> CreatedTicket:
    return _create(tx, caller, request)()


def _create(tx: Transaction, caller: Caller, request: CreateTicket) -> Callable[[], CreatedTicket]:
    project = projects.open_or_create(tx, caller, request.project)
    texts, masked = masked_fields(request.model_dump(include=_TEXTS))
    content = {**texts, **request.model_dump(include=_KINDS)}
    whole = [caller.owner, project["id"], content, sorted(request.roles)]
    if request.blocked_by:
        whole.append(sorted(request.blocked_by))
    fingerprint = int(idempotency.fingerprint(whole), 16) - 2**63
    key = request.idempotency_key
    if key is None or key.startswith(CALL_KEY):
        tx.claim(fingerprint)
        if repeated := _find_repeated(tx, project, fingerprint):
            return lambda: repeated
    similar = similar_tickets(tx, project, request)
    blockers: list[Row] = []
    if request.blocked_by:
        blockers = links.lock_blockers(tx, caller, project, request.blocked_by)
    content |= {"fingerprint": fingerprint, "blockers": links.count_open(blockers)}
    roles = [TicketRole(role=role, status="pending") for role in (*request.roles, MERGED)]
    row = _row(tx, caller, project, content)
    number = _file(tx, caller, row, roles)
    if blockers:
        links.link(tx, row["id"], blockers)

    def created() -> CreatedTicket:
        fields = summary({**row, "number": number()}, project["slug"], roles)
        ticket = TicketSummary.model_validate(fields)
        return CreatedTicket(ticket=ticket, deduplicated=False, similar=similar, masked=masked)

    return created


def _find_repeated(tx: Transaction, project: Row, fingerprint: int) -> CreatedTicket | None:
    """Return the newest open ticket of the last minutes with this content."""
    row = tx.fetch_one(
        "SELECT * FROM tickets WHERE fingerprint = :fingerprint AND created_at >= :since"
        " AND status = 'open' ORDER BY seq DESC LIMIT 1",
        fingerprint=fingerprint,
        since=timestamp(tx.now - timedelta(seconds=REPEAT_WINDOW_SECONDS)),
    )
    if row is None:
        return None
    fields = summary(row, project["slug"], roles_of(tx, row["id"]))
    return CreatedTicket(ticket=TicketSummary.model_validate(fields), deduplicated=True)


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


def _row(tx: Transaction, caller: Caller, project: Row, content: Mapping[str, Any]) -> Row:
    """Return a new ticket as it is stored, but for its number."""
    now = timestamp(tx.now)
    return {
        **content,
        "id": new_id(),
        "project_id": project["id"],
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


def _file(
    tx: Transaction, caller: Caller, row: Row, roles: Sequence[TicketRole]
) -> Callable[[], int]:
    """Insert a ticket with its roles under the next number of its project, and return what gives
    that. Whatever needs no number comes first."""
    terms = ticket_terms.terms_of(row)
    ticket_terms.add_words(tx, row["project_id"], terms)
    history.add_event(
        tx,
        caller,
        "ticket.created",
        subject_id=row["id"],
        project_id=row["project_id"],
        ticket_id=row["id"],
        after={"status": "open", "stage": "backlog", "roles": [role.role for role in roles]},
    )
    listed = {name: row[name] for name in LISTED_COLUMNS}
    of_ticket = {"ticket_id": row["id"], "updated_at": row["updated_at"], "waits": 1, **listed}
    standing = Standing.of("backlog", roles)
    assigned: list[Row] = []
    for place, role in enumerate(roles):
        ready = standing.is_clear_for(role.role) and not row["blockers"]
        own = {"position": place, "role": role.role, "status": role.status, "ready": int(ready)}
        assigned.append({**of_ticket, **own})
    return tx.file(row, assigned, ticket_terms.indexed(row, terms))
