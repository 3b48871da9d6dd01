"""From what a caller calls a ticket to the ticket's row."""

from dataclasses import dataclass
from typing import Protocol, TypedDict

from mcp_handoff.actors import Caller
from mcp_handoff.references import parse_name, reference
from mcp_handoff.store import history, projects
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.tickets import closed, not_in_project


class NamesTicket(Protocol):
    """A request that names a ticket, and perhaps its project."""

    @property
    def ticket(self) -> str: ...

    @property
    def project(self) -> str | None: ...


class InHistory(TypedDict):
    """The project and the ticket that an event is of."""

    project_id: str
    ticket_id: str


@dataclass(frozen=True, slots=True)
class FoundTicket:
    """A ticket's row and its project's."""

    project: Row
    ticket: Row

    @property
    def slug(self) -> str:
        return self.project["slug"]

    @property
    def reference(self) -> str:
        return reference(self.ticket["number"], self.slug)

    @property
    def in_history(self) -> InHistory:
        """Where an event of the ticket stands, as history takes it."""
        return {"project_id": self.project["id"], "ticket_id": self.ticket["id"]}


def look_up_named(tx: Transaction, caller: Caller, request: NamesTicket) -> FoundTicket:
    """Return the ticket that a request is about; NotFound when the caller sees none there."""
    return look_up_ticket(tx, caller, request.ticket, request.project)


def require_open(tx: Transaction, found: FoundTicket, so: str) -> None:
    """Refuse what only an open ticket takes (TicketClosed), with how the ticket was closed and what
    follows from that."""
    ticket = found.ticket
    if ticket["status"] == "closed":
        closing = history.closing(tx, ticket["id"], ticket["resolved_at"])
        by = closing and closing.author
        raise closed(found.reference, ticket["resolution_type"], ticket["resolved_at"], by, so)


def look_up_ticket(
    tx: Transaction,
    caller: Caller,
    name: str,
    project_name: str | None,
    *,
    locked: bool = False,
    within: Row | None = None,
    field: str = "ticket",
) -> FoundTicket:
    """Return the ticket of that name in the named project, in the project of its reference, or in
    the caller's own; NotFound at this field when it is not there.

    With `locked` nobody else changes the ticket until the transaction ends. A name without a
    project means one `within` this project.
    """
    key = parse_name(name)
    if within is not None and key.project in (None, within["slug"]):
        project: Row | None = within
    else:
        project = projects.find_named(tx, caller, project_name or key.project)
    ticket = None
    if project and key.project in (None, project["slug"]):
        fetch = tx.fetch_one_locked if locked else tx.fetch_one
        ticket = fetch(
            f"SELECT * FROM tickets WHERE {'id' if key.id else 'number'} = :key"
            " AND project_id = :project_id",
            key=key.id or key.number,
            project_id=project["id"],
        )
    if project is None or ticket is None:
        where = project["slug"] if project else caller.project
        raise not_in_project(field, name, where)
    return FoundTicket(project, ticket)
