"""Who holds which role of a ticket: written, renewed, parked, and defended against others."""

from datetime import timedelta

from mcp_handoff.actors import BOT, Caller
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.schema import timestamp
from mcp_handoff.store.ticket_filters import author_keys
from mcp_handoff.store.transaction import Row, Transaction, insert
from mcp_handoff.takes import Take, holder_of, taken, taken_over

RENEWED_AFTER_MINUTES = 1
"""How old a renewal is before one that only reads renews a take again."""


def of_ticket(tx: Transaction, ticket_id: str) -> list[Row]:
    """Return the takes of a ticket's roles, those that are over too."""
    return tx.fetch_all("SELECT * FROM takes WHERE ticket_id = :id ORDER BY role", id=ticket_id)


def of_role(tx: Transaction, ticket_id: str, role: str) -> Row | None:
    """Return who holds a ticket's role, or held it last; None when nobody ever did."""
    return tx.fetch_one(
        "SELECT * FROM takes WHERE ticket_id = :id AND role = :role", id=ticket_id, role=role
    )


def is_own(caller: Caller, take: Row) -> bool:
    """Tell whether a caller holds what a take is of."""
    return bool(take["held"]) and holder_of(caller) == (take["owner"], take["session"])


def was_own(caller: Caller, take: Row) -> bool:
    """Tell whether a take is held by somebody who took it over from a caller."""
    former = take["former_owner"], take["former_session"]
    return bool(take["held"]) and holder_of(caller) == former


def shown(tx: Transaction, row: Row) -> Take:
    """Return a take as others see it."""
    stale = row["until"] is not None and row["until"] <= timestamp(tx.now)
    return Take.model_validate({**row, "stale": stale})


def end_of(tx: Transaction, caller: Caller) -> str | None:
    """Return until when a caller holds what it takes or renews now, None for ever."""
    return _end_of_a_bots(tx, caller) if caller.actor.role == BOT else None


def _end_of_a_bots(tx: Transaction, caller: Caller) -> str | None:
    """Return until when a bot holds what begins its time now, None for ever."""
    if not caller.take_minutes:
        return None
    return timestamp(tx.now + timedelta(minutes=caller.take_minutes))


def is_renewal_due(tx: Transaction, caller: Caller, ticket_id: str) -> bool:
    """Tell whether one of a ticket's takes is the caller's and was not renewed for the last
    RENEWED_AFTER_MINUTES, or is parked without waiting for an answer."""
    if caller.actor.role != BOT or not caller.take_minutes:
        return False
    late = timestamp(tx.now + timedelta(minutes=caller.take_minutes - RENEWED_AFTER_MINUTES))
    return any(
        is_own(caller, row)
        and row["waits_for"] is None
        and (row["until"] is None or row["until"] < late)
        for row in of_ticket(tx, ticket_id)
    )


def renew(tx: Transaction, caller: Caller, ticket_id: str) -> None:
    """Have a caller's takes on a ticket begin their time anew; what it parked goes on with this,
    unless it waits for an answer."""
    owner, session = holder_of(caller)
    tx.execute(
        "UPDATE takes SET until = :until, parked = NULL WHERE ticket_id = :id AND held = 1"
        " AND owner = :owner AND session = :session AND waits_for IS NULL",
        id=ticket_id,
        owner=owner,
        session=session,
        until=end_of(tx, caller),
    )


def park(
    tx: Transaction, caller: Caller, ticket_id: str, why: str, *, waits_for: str | None = None
) -> bool:
    """Stop the clock of a caller's takes on a ticket; until the message `waits_for` is answered, if
    that is given. Tell whether there was any."""
    owner, session = holder_of(caller)
    parked = tx.fetch_all(
        "UPDATE takes SET until = NULL, parked = :why, waits_for = :waits_for"
        " WHERE ticket_id = :id AND held = 1 AND owner = :owner AND session = :session"
        " RETURNING role",
        id=ticket_id,
        owner=owner,
        session=session,
        why=why,
        waits_for=waits_for,
    )
    return bool(parked)


def unpark_answered(tx: Transaction, caller: Caller, message_id: str) -> None:
    """Have the clock go on of those takes that waited for a message's answer."""
    tx.execute(
        "UPDATE takes SET parked = NULL, waits_for = NULL,"
        " until = CASE WHEN actor_role = 'bot' THEN :until END WHERE waits_for = :message_id",
        until=_end_of_a_bots(tx, caller),
        message_id=message_id,
    )


def require_own_or_free(
    tx: Transaction, caller: Caller, name: str, held: Row | None, fence: int | None
) -> None:
    """Refuse to act on a role for whoever does not hold it while somebody does (TicketTaken), and
    for whoever held it until it was taken over (TakenOver)."""
    if held is None:
        return
    if fence is not None and fence < held["fence"]:
        raise taken_over(name, shown(tx, held))
    if fence is not None and fence > held["fence"]:
        raise ValidationFailed.at(
            "fence", "is of no take of this role", "give the one that came with the take"
        )
    if not held["held"] or is_own(caller, held):
        return
    is_namesake = held["owner"] == caller.owner
    if is_namesake and fence == held["fence"]:
        tx.execute(
            "UPDATE takes SET session = :session WHERE ticket_id = :id AND role = :role",
            session=caller.session,
            id=held["ticket_id"],
            role=held["role"],
        )
        return
    if was_own(caller, held):
        raise taken_over(name, shown(tx, held))
    raise taken(name, shown(tx, held), namesake=is_namesake)


def write_take(
    tx: Transaction,
    caller: Caller,
    ticket: Row,
    role: str,
    note: str | None,
    former: Row | None,
) -> int:
    """Write down that a caller holds a ticket's role, which `former` held before, perhaps until
    now; return the fence."""
    owner, session = holder_of(caller)
    was_held = former is not None and former["held"]
    fence = former["fence"] + 1 if former else 1
    row = {
        "fence": fence,
        "held": 1,
        "owner": owner,
        "session": session,
        "actor_role": caller.actor.role,
        "actor_id": caller.actor.id,
        **caller.principal.as_json(),
        **author_keys(caller.actor.id, caller.principal),
        "taken_at": timestamp(tx.now),
        "until": end_of(tx, caller),
        "parked": None,
        "waits_for": None,
        "note": note,
        "former_owner": former["owner"] if former and was_held else None,
        "former_session": former["session"] if former and was_held else None,
    }
    key = {"ticket_id": ticket["id"], "role": role}
    if former is None:
        of_ticket = {name: ticket[name] for name in ("project_id", "number", "urgency")}
        insert(tx, "takes", {**key, **of_ticket, **row})
        return fence
    assignments = ", ".join(f"{name} = :{name}" for name in row)
    tx.execute(
        f"UPDATE takes SET {assignments} WHERE ticket_id = :ticket_id AND role = :role",
        **key,
        **row,
    )
    return fence
