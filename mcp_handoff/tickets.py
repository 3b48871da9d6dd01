"""Tickets: their types, their limits and their rules.

Limits and enumerations: the ticket API's page "Create a handoff ticket".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mcp_handoff.actors import BOT, ActorRole
from mcp_handoff.builds import Build
from mcp_handoff.errors import RolesRequired, TicketClosed
from mcp_handoff.events import Event
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName
from mcp_handoff.schema import (
    STORABLE,
    Cursor,
    IdempotencyKey,
    JsonObject,
    Limit,
    Name,
    Record,
    Repo,
    Request,
    Timestamp,
)
from mcp_handoff.suggestions import Suggestion

Role = Literal["frontend", "backend", "design", "devops", "qa", "other"]
RoleStatus = Literal["pending", "in_progress", "done", "skipped"]
RequestType = Literal["bug", "clarification_needed", "decision_needed", "feature_request"]
Priority = Literal["low", "medium", "high"]
Stage = Literal["backlog", "up_next", "in_progress", "validation", "live"]
Status = Literal["open", "closed"]

ROLES: tuple[Role, ...] = get_args(Role)
STAGES: tuple[Stage, ...] = get_args(Stage)
MERGED = "merged"
"""The system's own role on every ticket: whether its change was merged."""

IMPLEMENTATION_ROLES = frozenset({"frontend", "backend", "design", "devops", "other"})
"""The roles that a merge finishes; qa and test are left to those who test."""

REPEAT_WINDOW_SECONDS = 600
"""How long an equal create by the same actor counts as the same create."""

ROLES_WANTED = f"must name at least one of {', '.join(ROLES)}"


class TicketRole(Record):
    """A role on a ticket, and how far it is."""

    role: str
    status: RoleStatus


class TicketSummary(Record):
    """A ticket as lists show it: without its long texts.

    An API may tell no more than id, status and created_at; our own store tells all.
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


class TicketContent(Request):
    """What a ticket says."""

    title: Annotated[str, StringConstraints(min_length=5, max_length=140), STORABLE]
    description: Annotated[str, StringConstraints(min_length=10, max_length=5000), STORABLE]
    request_type: RequestType
    roles: list[Role] = Field(default_factory=list[Role], validate_default=True)
    priority: Priority
    blocking: bool
    evidence: JsonObject | None = None
    suggested_resolution: Annotated[str, StringConstraints(max_length=2000), STORABLE] | None = None
    implementation_notes: Annotated[str, StringConstraints(max_length=5000), STORABLE] | None = None

    @field_validator("roles", mode="after")
    @classmethod
    def _without_duplicates(cls, roles: list[Role], info: ValidationInfo) -> list[Role]:
        if not roles and info.context == BOT:
            raise PydanticCustomError("roles_required", "{why}", {"why": ROLES_WANTED})
        return list(dict.fromkeys(roles))


class CreateTicket(TicketContent):
    """File a ticket for one or more roles."""

    priority: Priority = "medium"
    blocking: bool = False
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class CreatedTicket(Record):
    """The ticket that was filed, or the one that this call repeats."""

    ticket: TicketSummary
    deduplicated: bool
    masked: list[str] | None = Field(
        default=None, description="fields in which a token or key was masked"
    )


class FindTickets(Request):
    """List tickets, newest first, or search their texts."""

    query: (
        Annotated[
            str,
            StringConstraints(max_length=200),
            STORABLE,
            Field(description="words; cras* for beginnings"),
        ]
        | None
    ) = None
    status: Literal["open", "closed", "any"] = "open"
    stage: Stage | None = None
    role: Role | None = None
    request_type: RequestType | None = None
    limit: Limit = 20
    cursor: Cursor | None = None
    project: ProjectName | None = None


class TicketPage(Record):
    """Tickets without their long texts."""

    tickets: list[TicketSummary]
    next_cursor: str | None = None


class ListTickets(Request):
    """List a project's tickets whole, newest first, for programs."""

    project: ProjectName
    query: Annotated[str, StringConstraints(max_length=200), STORABLE] | None = None
    status: Status | None = None
    stages: list[Stage] = Field(default_factory=list[Stage])
    role: Role | Literal["merged"] | None = None
    request_type: RequestType | None = None
    limit: Annotated[int, Field(ge=1, le=2000)] = 1000
    offset: Annotated[int, Field(ge=0, le=2**31)] = 0
    cursor: Cursor | None = None


class TicketList(Record):
    """Tickets with all that is kept of them."""

    tickets: list[Ticket]
    next_cursor: str | None = None


class GetTicket(Request):
    """Read one ticket with the newest of what happened to it."""

    ticket: TicketName
    project: ProjectName | None = None


class TicketDetail(Record):
    """A ticket with its newest suggestions, builds and events."""

    ticket: Ticket
    suggestions: list[Suggestion] = Field(default_factory=list[Suggestion])
    builds: list[Build] = Field(default_factory=list[Build])
    events: list[Event] = Field(default_factory=list[Event])


class TriggerBotBuild(Request):
    """Start a bot build for a ticket."""

    ticket: TicketName
    provider: Name | None = None
    repo: Repo | None = None
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class BuildingTicket(TicketSummary):
    """A ticket with its build run in `ai_output.build_run`."""

    ai_output: dict[str, Any] = Field(default_factory=dict[str, Any])


class TriggeredBuild(Record):
    """The ticket with the run that was started, or with the one already on its way."""

    ticket: BuildingTicket
    masked: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge changes on a ticket."""

    roles_marked_done: list[str]
    stage: Stage

    @property
    def closes(self) -> bool:
        return self.stage == "live"


def require_roles(actor_role: ActorRole, roles: Iterable[str]) -> None:
    """Refuse a bot's ticket that names no role (RolesRequired)."""
    if actor_role == BOT and not list(roles):
        raise RolesRequired(f"roles {ROLES_WANTED}.", fields={"roles": ROLES_WANTED})


def require_open(status: str, name: str) -> None:
    """Refuse what only an open ticket takes (TicketClosed)."""
    if status == "closed":
        raise TicketClosed(f"{name} is closed and takes no more builds; file a new ticket instead.")


def merge(roles: Mapping[str, str], stage: Stage) -> Merge:
    """Return what a merge changes on a ticket with these roles (name to status) in this stage.

    `merged` and the open implementation roles are done; qa and test are left alone. The ticket is
    live when no role is left open, else in validation; a stage never moves backward, and a ticket
    that is live already is not changed.
    """
    if stage == "live":
        return Merge([], stage)
    done = [role for role in roles if _is_open(roles[role]) and _is_finished_by_merge(role)]
    left = [role for role in roles if _is_open(roles[role]) and role not in done]
    reached: Stage = "validation" if left else "live"
    return Merge(done, STAGES[max(STAGES.index(stage), STAGES.index(reached))])


def _is_open(status: str) -> bool:
    return status not in ("done", "skipped")


def _is_finished_by_merge(role: str) -> bool:
    return role == MERGED or role in IMPLEMENTATION_ROLES
