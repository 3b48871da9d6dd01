"""Tickets: their types, their limits and their rules.

Limits and enumerations: the ticket API's documented page "Create a handoff ticket"
(docs/rest.md).
"""

import re
from typing import Annotated, Any, Literal, Protocol, get_args

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from mcp_handoff.actors import BOT, Caller
from mcp_handoff.builds import Build
from mcp_handoff.errors import NotFound, TicketClosed
from mcp_handoff.events import Event, author
from mcp_handoff.links import Blockers, LinkedTicket
from mcp_handoff.merges import LinkedChange
from mcp_handoff.messages import Message
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName, project_of
from mcp_handoff.schema import (
    ONE_LINE,
    STORABLE,
    WHOLE,
    Cursor,
    IdempotencyKey,
    Instant,
    JsonObject,
    Name,
    Record,
    Replayable,
    Repo,
    Request,
    Timestamp,
    Uuid,
    WaitSeconds,
)
from mcp_handoff.suggestions import Suggestion
from mcp_handoff.takes import ANYONE, ME, NOBODY, Take
from mcp_handoff.workflow import ROLES, AnyRole, Role, Stage, Status, StatusFilter, TicketRole

RequestType = Literal["bug", "clarification_needed", "decision_needed", "feature_request"]
Priority = Literal["low", "medium", "high"]
Order = Literal["newest", "urgency"]

PRIORITIES: tuple[Priority, ...] = ("high", "medium", "low")
REQUEST_TYPES: tuple[RequestType, ...] = get_args(RequestType)
QUERY_WORDS, QUERY_BEGINNINGS = 32, 4
"""How many words a query has, and how many of them are beginnings: each of those costs as much as
all the words that begin so."""

_WORD, _BEGINNING = re.compile(r"[^\W_]+"), re.compile(r"\w\*")

NAMED_PROJECTS = 20
"""How many projects are named where the one that was asked for has no ticket."""

REPEAT_WINDOW_SECONDS = 600
"""How long an equal create by the same actor counts as the same create."""


Title = Annotated[str, StringConstraints(min_length=5, max_length=140), STORABLE, ONE_LINE]
"""What a ticket is about, on one line."""

Description = Annotated[str, StringConstraints(min_length=10, max_length=5000), STORABLE]
"""All that somebody needs to pick a ticket up."""


class TicketSummary(Record):
    """A ticket as lists show it: without its long texts.

    An API may return no more than id, status and created_at; our own store returns all.
    """

    id: str
    reference: str | None = None
    project_id: str | None = None
    number: int | None = None
    title: str | None = None
    request_type: RequestType | None = None
    status: Status
    stage: Stage | None = None
    priority: Priority | None = None
    blocking: bool | None = None
    roles: list[TicketRole] = Field(default_factory=list[TicketRole])
    actor_role: str | None = None
    actor_id: str | None = None
    source: str | None = None
    principal_id: str | None = None
    principal_name: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None

    @property
    def name(self) -> str:
        """What the ticket can be called by: its reference, or its id where that is not known."""
        return self.reference or self.id


class Ticket(TicketSummary):
    """A ticket with all that is kept of it."""

    description: str | None = None
    evidence: dict[str, Any] | None = None
    suggested_resolution: str | None = None
    implementation_notes: str | None = None
    ai_output: dict[str, Any] | None = None
    merge_sha: str | None = None
    resolution_type: str | None = None
    resolution_note: str | None = None
    resolved_at: Timestamp | None = None
    deployed_at: Timestamp | None = None
    deploy_failed_at: Timestamp | None = None

    @property
    def author(self) -> str | None:
        """Who filed it, as it said and as it proved; None where an API does not say."""
        if self.actor_role is None:
            return None
        return author(self.actor_role, self.actor_id, self.principal_id, self.principal_name)


class CreateTicket(Request):
    """File a ticket for one or more roles; a user may leave the roles out."""

    title: Title
    description: Description
    request_type: RequestType
    roles: Annotated[list[Role], Field(max_length=50)] = Field(
        default_factory=list[Role], validate_default=True
    )
    priority: Priority = "medium"
    blocking: bool = False
    evidence: JsonObject | None = None
    suggested_resolution: Annotated[str, StringConstraints(max_length=2000), STORABLE] | None = None
    implementation_notes: Annotated[str, StringConstraints(max_length=5000), STORABLE] | None = None
    blocked_by: Blockers = Field(default_factory=list[str])
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None

    @field_validator("roles", mode="after")
    @classmethod
    def _check_roles(cls, roles: list[Role], info: ValidationInfo) -> list[Role]:
        if not roles and info.context == BOT:
            why = f"must name at least one of {', '.join(ROLES)}"
            raise PydanticCustomError("roles_required", "{why}", {"why": why})
        return list(dict.fromkeys(roles))


class SimilarTicket(Record):
    """An open ticket that looks like one that was just filed."""

    reference: str
    title: str
    stage: Stage


class CreatedTicket(Replayable):
    """The ticket that was filed, or the one that this call repeats; `similar` are up to three open
    ones that look like it, the most alike first."""

    ticket: TicketSummary
    deduplicated: bool
    similar: list[SimilarTicket] = Field(default_factory=list[SimilarTicket])
    masked: list[str] | None = Field(
        default=None, description="fields in which a token or key was masked"
    )


def _check_query(query: str) -> str:
    words, beginnings = len(_WORD.findall(query)), len(_BEGINNING.findall(query))
    if words > QUERY_WORDS or beginnings > QUERY_BEGINNINGS:
        why = (
            f"must have at most {QUERY_WORDS} words, {QUERY_BEGINNINGS} of them ending in *;"
            f" it has {words} and {beginnings}"
        )
        raise PydanticCustomError("query", "{why}", {"why": why})
    return query


class FindTickets(Request):
    """List a project's tickets, or search their texts, best first.

    With `still_to_act`, `role` is one that is pending or in progress on the ticket, else one that
    the ticket was filed for.
    """

    query: (
        Annotated[
            str,
            StringConstraints(max_length=200),
            STORABLE,
            AfterValidator(_check_query),
            Field(description="words; cras* for beginnings"),
        ]
        | None
    ) = None
    status: StatusFilter = "any"
    stage: Annotated[list[Stage], Field(max_length=50)] = Field(default_factory=list[Stage])
    role: AnyRole | None = None
    still_to_act: Annotated[bool, Field(description="only where the role has still to act")] = False
    request_type: RequestType | None = None
    priority: Priority | None = None
    blocking: bool | None = None
    ready: bool = False
    blocked: Annotated[bool, Field(description="only what waits for open tickets")] = False
    taken_by: Annotated[Name, Field(description=f"a name, {ME}, {NOBODY}, {ANYONE}")] | None = None
    author: Name | None = None
    updated_since: Annotated[Instant, Field(description="RFC 3339")] | None = None
    order: Annotated[Order, Field(description="urgency: blocking, priority, oldest")] = "newest"
    slim: Annotated[bool, Field(description="leaves the long texts out")] = False
    limit: Annotated[int, Field(ge=1, le=2000), WHOLE] = 1000
    offset: Annotated[int, Field(ge=0, le=2**31), WHOLE] = 0
    cursor: Cursor | None = None
    project: ProjectName | None = None


class TicketPage(Record):
    """Tickets with all that is kept of them, or without their long texts where `slim`.

    `total` is how many match in all: COUNTED + 1 stands for more, None for not counted. Where the
    project has no ticket at all, `projects` are those that the caller sees.
    """

    tickets: list[Ticket]
    next_cursor: str | None = None
    total: int | None = None
    projects: list[str] | None = None
    tried: list[str] | None = Field(
        default=None,
        description="what was tried, where nothing has the words, or what is near them",
    )


class FindAllTickets(Request):
    """List the tickets of all projects that the caller sees, newest first; `role` is one that a
    ticket was filed for."""

    status: StatusFilter = "any"
    stage: Annotated[list[Stage], Field(max_length=50)] = Field(default_factory=list[Stage])
    role: AnyRole | None = None
    slim: bool = False
    limit: Annotated[int, Field(ge=1, le=2000), WHOLE] = 1000
    cursor: Cursor | None = None


class GetTicket(Request):
    """Read one ticket with the newest of what happened to it, at its next change if asked to wait
    for that."""

    ticket: TicketName
    wait_s: WaitSeconds = 0
    project: ProjectName | None = None

    @property
    def awaited(self) -> str:
        """What is waited for, in words."""
        return self.ticket if project_of(self.ticket) else f"ticket {self.ticket}"


class TicketDetail(Record):
    """A ticket with who holds its roles, what blocks it and what it blocks, the changes that
    mention it, the newest of its thread, its suggestions, builds and events.

    `notes` are the newest with which work was handed on, also on the tickets that blocked it.
    """

    ticket: Ticket
    takes: list[Take] = Field(default_factory=list[Take])
    blocked_by: list[LinkedTicket] = Field(default_factory=list[LinkedTicket])
    blocks: list[LinkedTicket] = Field(default_factory=list[LinkedTicket])
    changes: list[LinkedChange] = Field(default_factory=list[LinkedChange])
    notes: list[Message] = Field(default_factory=list[Message])
    messages: list[Message] = Field(default_factory=list[Message])
    suggestions: list[Suggestion] = Field(default_factory=list[Suggestion])
    builds: list[Build] = Field(default_factory=list[Build])
    events: list[Event] = Field(default_factory=list[Event])

    @property
    def open_blockers(self) -> list[str]:
        """The references of the tickets that must be closed first, and are not."""
        return [one.reference for one in self.blocked_by if one.status == "open"]


class TriggerBotBuild(Request):
    """Start a bot build for a ticket."""

    ticket: TicketName
    provider: Name | None = None
    repo: Repo | None = None
    replaces: Annotated[Uuid, Field(description="the build under way to give up")] | None = None
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class BuildingTicket(TicketSummary):
    """A ticket with its build run in `ai_output.build_run`."""

    ai_output: dict[str, Any] = Field(default_factory=dict[str, Any])


class TriggeredBuild(Replayable):
    """The ticket with the run that was started, or with the one that was under way `already` and
    is unchanged: its own provider and repo hold, not those that were asked for."""

    ticket: BuildingTicket
    already: bool = False


class TicketOperations(Protocol):
    """What a backend does with tickets."""

    async def create_ticket(self, caller: Caller, request: CreateTicket, /) -> CreatedTicket:
        """File a ticket in stage backlog with its roles plus `merged`, all pending.

        A create that repeats an equal one by the same actor within ten minutes returns that ticket
        while it is open, `deduplicated`.
        """
        ...

    async def find_tickets(self, caller: Caller, request: FindTickets, /) -> TicketPage:
        """List a project's tickets, the newest or the most urgent first, or those that a query
        finds, the best first; one that it names by its number comes before them all.

        A page may have fewer tickets than its limit, even none, and a next one all the same.
        """
        ...

    async def find_all_tickets(self, caller: Caller, request: FindAllTickets, /) -> TicketPage:
        """List the tickets of all projects that the caller sees, newest first; they are not
        counted."""
        ...

    async def get_ticket(self, caller: Caller, request: GetTicket, /) -> TicketDetail:
        """Read one ticket with its five newest suggestions, builds and events."""
        ...

    async def trigger_bot_build(
        self, caller: Caller, request: TriggerBotBuild, /
    ) -> TriggeredBuild:
        """Start a bot build for a ticket; while one is under way that it does not replace, return
        that unchanged.

        Raises TicketClosed.
        """
        ...


def urgency(priority: Priority, *, blocking: bool) -> int:
    """Return how urgent a ticket is: 0 for one that blocks and has a high priority, then those that
    block less, from 3 on those that don't."""
    return PRIORITIES.index(priority) + (0 if blocking else len(PRIORITIES))


def as_query(text: str) -> str:
    """Return a text as a query: its first words where it asks for too much."""
    try:
        return _check_query(text)
    except PydanticCustomError:
        return " ".join(_WORD.findall(text)[:QUERY_WORDS])


def closed(
    name: str, resolution: str | None, when: str | None, by: str | None, so: str
) -> TicketClosed:
    """Return the error of what only an open ticket takes: how this one was closed, as far as that
    is known, and what follows from it."""
    told = ", ".join(part for part in (resolution, when, by and f"by {by}") if part)
    return TicketClosed(f"{name} is closed{f' ({told})' if told else ''} and {so}.")


def not_in_project(field: str, name: str, project: str) -> NotFound:
    """Return the error of a field that names a ticket which a project has not, for every door."""
    names_project = name.lower().endswith(f"-{project}")
    advice = "search for it" if names_project else "search for it, or name its project"
    return NotFound.at(field, f"{name} is not in project {project}", advice)
