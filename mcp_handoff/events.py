"""Events: one line of history for every write, and what is published of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, get_args

from pydantic import Field

from mcp_handoff.actors import Caller
from mcp_handoff.errors import Forbidden
from mcp_handoff.principals import LOCAL, SYSTEM_ID, Principal
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName, project_of
from mcp_handoff.schema import WHOLE, Cursor, Name, Record, Request, Timestamp
from mcp_handoff.text.characters import shortened, visible

WorkKind = Literal[
    "ticket.created",
    "ticket.taken",
    "ticket.updated",
    "ticket.closed",
    "ticket.reopened",
    "ticket.unblocked",
    "ticket.deployed",
    "ticket.deploy_failed",
    "ticket.redacted",
    "message.added",
    "suggestion.created",
    "suggestion.updated",
    "suggestion.executed",
    "suggestion.declined",
    "suggestion.skipped",
    "suggestion.expired",
    "build.created",
    "build.triggered",
    "build.updated",
    "build.dispatched",
    "build.dispatch_failed",
    "build.running",
    "build.succeeded",
    "build.failed",
]
"""What happens to the work."""

EventKind = Literal[
    WorkKind,
    "project.created",
    "project.changed",
    "project.pruned",
    "repository.linked",
    "repository.unlinked",
    "webhook.added",
    "webhook.removed",
    "webhook.tested",
    "webhook.switched_off",
    "webhook.switched_on",
    "token.created",
    "token.rotated",
    "token.revoked",
    "receiver.set",
]

_HAPPENED: Mapping[str, str] = {
    "ticket.created": "filed by {who}",
    "ticket.taken": "taken by {who}",
    "ticket.updated": "changed by {who}",
    "ticket.closed": "closed by {who}",
    "ticket.reopened": "reopened by {who}",
    "ticket.unblocked": "no longer blocked",
    "ticket.deployed": "deployed",
    "ticket.deploy_failed": "its deployment failed",
    "ticket.redacted": "a text taken out by {who}",
    "message.added": "a message from {who}",
    "suggestion.created": "{who} suggests to close it",
    "suggestion.updated": "more is known of the suggestion to close it",
    "suggestion.executed": "{who} executed the suggestion to close it",
    "suggestion.declined": "{who} declined the suggestion to close it",
    "suggestion.skipped": "the suggestion to close it was skipped",
    "suggestion.expired": "the suggestion to close it expired",
    "build.created": "a build registered by {who}",
    "build.triggered": "a build triggered by {who}",
    "build.updated": "a build changed by {who}",
    "build.dispatched": "its build was handed over",
    "build.dispatch_failed": "its build could not be handed over",
    "build.running": "its build is running",
    "build.succeeded": "its build succeeded",
    "build.failed": "its build failed",
}


_SPACED = str.maketrans("._", "  ")

EventTopic = Literal["ticket", "message", "suggestion", "build", "project", "repository", "webhook"]
"""What the events of a project are about: how their kinds begin."""


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
    if principal_id == SYSTEM_ID:
        return f"{shortened(visible(actor_id or ''), 200)} on {principal_name}"
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

    @property
    def happened(self) -> str:
        """What happened, in words that follow the name of what it happened to."""
        told = _HAPPENED.get(self.kind, f"{self.kind.translate(_SPACED)} by {{who}}")
        return told.replace("{who}", self.author)


class ProjectEvent(Event):
    """An event of a project's history, with what it happened to, and to which ticket."""

    ticket: str | None = None
    subject_id: str


class ListEvents(Request):
    """Follow a project's history, oldest first, or read it from its end; all of it, or what
    happened to a ticket, what is about a topic, and what somebody did: an actor by its id or a
    credential by its name, to the letter."""

    newest_first: bool = False
    ticket: TicketName | None = None
    topic: EventTopic | None = None
    author: Name | None = None
    limit: Annotated[int, Field(ge=1, le=200), WHOLE] = 50
    cursor: Cursor | None = None
    project: ProjectName | None = None


class EventPage(Record):
    """Events; `next_cursor` goes on after the last one, the newest first where there is more, else
    also where there is none yet."""

    events: list[ProjectEvent]
    next_cursor: str | None = None


class EventOperations(Protocol):
    """What a backend does with events."""

    async def list_events(self, caller: Caller, request: ListEvents, /) -> EventPage:
        """Return the events of a project after a cursor, oldest first unless asked otherwise.
        Whoever follows the cursors reads each once; none appears later before one that was read.

        A page may have fewer events than its limit, even none, and a next one all the same.
        """
        ...


def kinds_of(topic: EventTopic) -> list[EventKind]:
    """Return the kinds of the events that are about a topic."""
    return [kind for kind in get_args(EventKind) if kind.startswith(f"{topic}.")]


HISTORIANS = frozenset({"user", "admin"})
"""Whose token may read a project's history."""


def require_history(principal: Principal) -> None:
    """Refuse a project's history to bots and readers (Forbidden)."""
    if principal.role not in HISTORIANS:
        raise Forbidden("A project's history takes the token of a user or an admin.")


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
