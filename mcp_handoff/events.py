"""Events: one line of history for every write, and what is published of it."""

from dataclasses import dataclass
from typing import Any, Literal

from mcp_handoff.principals import LOCAL
from mcp_handoff.references import project_of
from mcp_handoff.schema import Record, Timestamp
from mcp_handoff.text import shortened, visible

EventKind = Literal[
    "ticket.created",
    "ticket.taken",
    "ticket.updated",
    "ticket.closed",
    "ticket.reopened",
    "ticket.unblocked",
    "message.added",
    "build.created",
    "build.triggered",
    "build.updated",
    "build.dispatched",
    "build.dispatch_failed",
    "build.running",
    "build.succeeded",
    "build.failed",
    "suggestion.created",
    "suggestion.executed",
    "suggestion.declined",
    "suggestion.skipped",
    "suggestion.expired",
    "project.created",
    "token.created",
    "token.revoked",
    "receiver.set",
]


def author(
    actor_role: str, actor_id: str | None, principal_id: str | None, principal_name: str | None
) -> str:
    """Return who did something, on one line: as it said, and by which credential where that
    differs."""
    claimed = actor_role
    if actor_id:
        claimed = f"{shortened(visible(actor_id), 200)} ({actor_role})"
    if principal_id == LOCAL.id:
        return f"{claimed}, without a token"
    if principal_name in (None, actor_id):
        return claimed
    return f"{claimed}, with token {shortened(visible(principal_name), 200)}"


class Event(Record):
    """Who did what and when, with what it was before and after."""

    kind: EventKind
    actor_role: str
    actor_id: str | None = None
    source: str
    principal_id: str | None = None
    principal_name: str | None = None
    created_at: Timestamp
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    @property
    def author(self) -> str:
        """Who did it, on one line."""
        return author(self.actor_role, self.actor_id, self.principal_id, self.principal_name)


@dataclass(frozen=True, slots=True)
class Change:
    """What one write changed: enough to know what to read again, and nothing of what it says."""

    kind: EventKind | Literal["everything"]
    ticket_id: str | None = None
    reference: str | None = None
    build_id: str | None = None

    @property
    def project(self) -> str | None:
        """The slug of the project that it happened in, None where the reference does not tell."""
        return project_of(self.reference) if self.reference else None


EVERYTHING = Change("everything")
"""Stands for changes that were missed: anything may have changed."""
