"""The threads of tickets: what is asked, answered and handed on with the work."""

from collections.abc import Sequence
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound
from mcp_handoff.ids import new_id
from mcp_handoff.messages import (
    AddedMessage,
    AddMessage,
    ListMessages,
    ListQuestions,
    Message,
    MessageKind,
    MessagePage,
    Question,
    QuestionPage,
)
from mcp_handoff.references import reference
from mcp_handoff.schema import timestamp
from mcp_handoff.store import cursors, history, idempotency, projects, takes
from mcp_handoff.store.lookup import FoundTicket, look_up_named, look_up_ticket
from mcp_handoff.store.pages import cut, size_of, whole
from mcp_handoff.store.transaction import Row, Transaction, insert
from mcp_handoff.text.masking import masked_fields
from mcp_handoff.workflow import WORK_ROLES

NOTES = 3
"""How many notes are shown of a ticket, and of those that blocked it together."""

_NOTES_BEFORE = (
    "SELECT m.*, t.number, p.slug FROM links l JOIN messages m ON m.ticket_id = l.blocker_id"
    " JOIN tickets t ON t.id = m.ticket_id JOIN projects p ON p.id = t.project_id"
    " WHERE l.ticket_id = :id AND m.kind = 'handoff' ORDER BY m.seq DESC LIMIT :most"
)


@idempotency.once(AddedMessage, access=look_up_named)
def add_message(tx: Transaction, caller: Caller, request: AddMessage) -> AddedMessage:
    """Write into a ticket's thread; what asks a role parks the takes of whoever asks."""
    found = look_up_ticket(tx, caller, request.ticket, request.project, locked=True)
    texts, masked = masked_fields({"body": request.body})
    answered = _answer(tx, caller, found, request.answers) if request.answers else None
    takes.renew(tx, caller, found.ticket["id"])
    message = write(
        tx, caller, found, "message", texts["body"], to_role=request.to_role, answers=answered
    )
    parked = False
    if request.to_role:
        why = f"waits for an answer of {request.to_role}"
        parked = takes.park(tx, caller, found.ticket["id"], why, waits_for=message.id)
    return AddedMessage(
        message=message,
        ticket=found.reference,
        parked=parked,
        answered=answered,
        masked=masked,
    )


def list_messages(tx: Transaction, caller: Caller, request: ListMessages) -> MessagePage:
    """Return a page of a ticket's thread, oldest first."""
    found = look_up_named(tx, caller, request)
    ticket_id = found.ticket["id"]
    position = cursors.decode_number(request.cursor, request, ticket_id)
    rows = tx.fetch_all(
        f"SELECT m.id, m.seq, {size_of('m.body')} FROM messages m"
        " WHERE m.ticket_id = :id AND m.seq > :position ORDER BY m.seq LIMIT :most",
        id=ticket_id,
        position=position or 0,
        most=request.limit + 1,
    )
    page = cut(rows, request.limit)
    more = len(page) < len(rows)
    newest_first = whole(tx, "SELECT * FROM messages m", "m", page)
    return MessagePage(
        messages=[_message(row) for row in reversed(newest_first)],
        next_cursor=cursors.encode(page[-1]["seq"], request, ticket_id) if more else None,
    )


def write(
    tx: Transaction,
    caller: Caller,
    found: FoundTicket,
    kind: MessageKind,
    body: str,
    *,
    to_role: str | None = None,
    answers: str | None = None,
) -> Message:
    """Add a message to a ticket's thread, with its event."""
    row: dict[str, Any] = {
        "id": new_id(),
        "project_id": found.project["id"],
        "ticket_id": found.ticket["id"],
        "kind": kind,
        "body": body,
        **caller.actor.as_json(),
        **caller.principal.as_json(),
        "to_role": to_role,
        "answers": answers,
        "waits": int(to_role is not None),
        "created_at": timestamp(tx.now),
    }
    insert(tx, "messages", row)
    shown = {name: row[name] for name in ("kind", "to_role", "answers") if row[name]}
    history.add_event(
        tx,
        caller,
        "message.added",
        subject_id=row["id"],
        **found.in_history,
        after=shown,
    )
    return _message(row)


def newest(tx: Transaction, ticket_id: str, most: int) -> list[Message]:
    """Return the newest messages of a ticket, newest first."""
    rows = tx.fetch_all(
        "SELECT * FROM messages WHERE ticket_id = :id ORDER BY seq DESC LIMIT :most",
        id=ticket_id,
        most=most,
    )
    return [_message(row) for row in rows]


def list_questions(tx: Transaction, caller: Caller, request: ListQuestions) -> QuestionPage:
    """Return a page of the messages of a project that wait for an answer, oldest first."""
    project = projects.find_named(tx, caller, request.project)
    scope = project["id"] if project else ""
    position = cursors.decode_number(request.cursor, request, scope)
    if project is None:
        return QuestionPage(questions=[])
    rows = _unanswered(tx, project, request.roles, request.limit + 1, after=position or 0)
    page = cut(rows, request.limit)
    more = len(page) < len(rows)
    return QuestionPage(
        questions=[
            Question(
                ticket=reference(row["number"], project["slug"]),
                title=row["title"],
                message=_message(row),
            )
            for row in page
        ],
        next_cursor=cursors.encode(page[-1]["seq"], request, scope) if more else None,
    )


def unanswered(tx: Transaction, project: Row, roles: Sequence[str], most: int) -> list[Message]:
    """Return the messages of a project that have waited longest for the answer of one of these
    roles, or of any without one."""
    rows = _unanswered(tx, project, roles, most)
    return [_message({**row, "slug": project["slug"]}) for row in rows]


def _unanswered(
    tx: Transaction, project: Row, roles: Sequence[str], most: int, *, after: int = 0
) -> list[Row]:
    """Return such messages after a number, each with its size and its ticket's number and title."""
    # An index has those that wait for a role in this order.
    of_roles = " UNION ALL ".join(
        "SELECT * FROM (SELECT seq FROM messages WHERE project_id = :project_id AND waits = 1"
        f" AND to_role = '{role}' AND seq > :after ORDER BY seq LIMIT :most) AS of_role"
        for role in WORK_ROLES
        if not roles or role in roles
    )
    return tx.fetch_all(
        f"SELECT m.*, t.number, t.title, {size_of('m.body')}"
        f" FROM (SELECT seq FROM ({of_roles}) AS w ORDER BY seq LIMIT :most) AS waiting"
        " JOIN messages m ON m.seq = waiting.seq JOIN tickets t ON t.id = m.ticket_id"
        " ORDER BY m.seq",
        project_id=project["id"],
        after=after,
        most=most,
    )


def own_notes(tx: Transaction, ticket_id: str) -> list[Message]:
    """Return the newest notes with which a ticket's work was handed on, newest first."""
    rows = tx.fetch_all(
        "SELECT * FROM messages WHERE ticket_id = :id AND kind = 'handoff'"
        " ORDER BY seq DESC LIMIT :most",
        id=ticket_id,
        most=NOTES,
    )
    return [_message(row) for row in rows]


def blockers_notes(tx: Transaction, ticket_id: str) -> list[Message]:
    """Return the newest such notes of the tickets that block one, or did, newest first."""
    return [_message(row) for row in tx.fetch_all(_NOTES_BEFORE, id=ticket_id, most=NOTES)]


def _answer(tx: Transaction, caller: Caller, found: FoundTicket, message_id: str) -> str:
    """Note that a message of a ticket is answered, and have the clocks go on that waited for it."""
    answered = tx.fetch_one(
        "UPDATE messages SET waits = 0 WHERE id = :id AND ticket_id = :ticket_id RETURNING id",
        id=message_id,
        ticket_id=found.ticket["id"],
    )
    if answered is None:
        why = f"names no message of {found.reference}"
        raise NotFound.at("answers", why, "read the ticket, which shows its newest")
    takes.unpark_answered(tx, caller, message_id)
    return answered["id"]


def _message(row: Row) -> Message:
    ticket = {"ticket": reference(row["number"], row["slug"])} if row.get("slug") else {}
    return Message.model_validate({**row, "waits": bool(row["waits"]), **ticket})
