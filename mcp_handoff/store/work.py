"""Taking the work on a ticket's role."""

from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound, TicketTaken
from mcp_handoff.schema import timestamp
from mcp_handoff.store import details, history, idempotency, projects, takes
from mcp_handoff.store.lookup import FoundTicket, look_up_ticket, require_open
from mcp_handoff.store.standings import move, standing_of
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.takes import may_take_over_live, taken
from mcp_handoff.text.masking import masked_fields
from mcp_handoff.work import TakenTicket, TakeTicket, without_role
from mcp_handoff.workflow import STILL_TO_ACT, Standing, take

_READY = (
    "SELECT t.* FROM ticket_roles r JOIN tickets t ON t.id = r.ticket_id"
    " WHERE r.project_id = :project_id AND r.role = :role AND r.ready = 1 AND r.status = 'pending'"
    " ORDER BY r.urgency, r.number LIMIT 1"
)
_STALE = (
    "SELECT t.* FROM takes k JOIN ticket_roles r ON r.ticket_id = k.ticket_id AND r.role = k.role"
    " JOIN tickets t ON t.id = k.ticket_id WHERE k.project_id = :project_id AND k.role = :role"
    " AND k.held = 1 AND k.until <= :now AND r.ready = 1 ORDER BY k.urgency, k.number LIMIT 1"
)


def _require_sight(tx: Transaction, caller: Caller, request: TakeTicket) -> None:
    if request.ticket:
        look_up_ticket(tx, caller, request.ticket, request.project)
    else:
        projects.find_named(tx, caller, request.project)


@idempotency.once(TakenTicket, access=_require_sight)
def take_ticket(tx: Transaction, caller: Caller, request: TakeTicket) -> TakenTicket:
    """Take a role's work on a ticket, or on the most urgent that is ready; or renew one's own."""
    texts, masked = masked_fields({"note": request.note})
    note: str | None = texts["note"]
    found = _find(tx, caller, request)
    require_open(tx, found, "has no work left; setting its stage opens it again")
    standing = standing_of(tx, found.ticket)
    _require_open_role(found, standing, request.role)
    held = takes.of_role(tx, found.ticket["id"], request.role)
    takes.renew(tx, caller, found.ticket["id"])
    if held and takes.is_own(caller, held):
        fence, ticket, already = held["fence"], found.ticket, True
    else:
        if held and held["held"]:
            _require_free(tx, caller, request, found, held)
        fence = takes.write_take(tx, caller, found.ticket, request.role, note, held)
        ticket = move(tx, caller, found, standing, take(standing, request.role), {}).ticket
        _add_event(tx, caller, found, request.role, fence, note, held)
        already = False
    return TakenTicket(
        detail=details.of_ticket(tx, FoundTicket(found.project, ticket)),
        role=request.role,
        fence=fence,
        until=takes.end_of(tx, caller),
        already=already,
        masked=masked,
    )


def _find(tx: Transaction, caller: Caller, request: TakeTicket) -> FoundTicket:
    """Return the ticket that is named, else the most urgent that is ready, locked."""
    if request.ticket:
        return look_up_ticket(tx, caller, request.ticket, request.project, locked=True)
    project = projects.find_named(tx, caller, request.project)
    if project is None:
        raise NotFound.at("role", "has nothing to do: this project has no ticket yet", _LOOK)
    values: dict[str, Any] = {"project_id": project["id"], "role": request.role}
    picked = tx.fetch_one_free(_READY, "r", "t", **values)
    picked = picked or tx.fetch_one_locked(_READY, "r", "t", **values)
    if picked is None and request.take_over:
        picked = tx.fetch_one_locked(_STALE, "k", "t", **values, now=timestamp(tx.now))
    if picked is None:
        where = project["slug"]
        raise NotFound.at("role", f"{request.role} has nothing ready in project {where}", _LOOK)
    return FoundTicket(project, picked)


_LOOK = "list the tickets of this role to see what waits for others, or is held"


def _require_open_role(found: FoundTicket, standing: Standing, role: str) -> None:
    """Refuse a role that the ticket has not (NotFound), or that is through (TicketTaken)."""
    status = standing.roles.get(role)
    if status is None:
        raise without_role(found.reference, standing)
    if status not in STILL_TO_ACT:
        raise TicketTaken(
            f"{role} of {found.reference} is {status}; setting it to pending, with a note, sends it"
            " back.",
            state=status,
        )


def _require_free(
    tx: Transaction, caller: Caller, request: TakeTicket, found: FoundTicket, held: Row
) -> None:
    """Refuse what another one holds, unless it is to be taken over and may be."""
    one = takes.shown(tx, held)
    if request.take_over and (one.stale or may_take_over_live(caller)):
        return
    raise taken(found.reference, one, namesake=held["owner"] == caller.owner)


def _add_event(
    tx: Transaction,
    caller: Caller,
    found: FoundTicket,
    role: str,
    fence: int,
    note: str | None,
    former: Row | None,
) -> None:
    before = None
    if former and former["held"]:
        before = {"holder": takes.shown(tx, former).holder, "fence": former["fence"]}
    history.add_event(
        tx,
        caller,
        "ticket.taken",
        subject_id=found.ticket["id"],
        **found.in_history,
        before=before,
        after={"role": role, "fence": fence, **({"note": note} if note else {})},
    )
