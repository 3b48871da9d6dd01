"""From what a caller calls a ticket to the ticket's row."""

from dataclasses import dataclass

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound
from mcp_handoff.references import TicketKey, parse_name, reference
from mcp_handoff.store import projects
from mcp_handoff.store.transaction import Row, Transaction


@dataclass(frozen=True, slots=True)
class Located:
    """A ticket's row and its project's."""

    project: Row
    ticket: Row

    @property
    def slug(self) -> str:
        return self.project["slug"]

    @property
    def reference(self) -> str:
        return reference(self.ticket["number"], self.slug)


def locate(tx: Transaction, caller: Caller, name: str, project_name: str | None) -> Located:
    """Return the ticket of that name in the named project, in the project of its reference, or in
    the caller's own; NotFound when it is not there."""
    key = parse_name(name)
    project = projects.find_named(tx, caller, project_name or key.project)
    elsewhere = project and key.project not in (None, project["slug"])
    ticket = _find(tx, project, key) if project and not elsewhere else None
    if project is None or ticket is None:
        where = project["slug"] if project else caller.project
        why = f"names no ticket in project {where}"
        raise NotFound.at("ticket", why, "find_tickets shows those there are, or name its project")
    return Located(project, ticket)


def _find(tx: Transaction, project: Row, key: TicketKey) -> Row | None:
    if key.id:
        return tx.one(
            "SELECT * FROM tickets WHERE id = :id AND project_id = :project_id",
            id=key.id,
            project_id=project["id"],
        )
    return tx.one(
        "SELECT * FROM tickets WHERE number = :number AND project_id = :project_id",
        number=key.number,
        project_id=project["id"],
    )
