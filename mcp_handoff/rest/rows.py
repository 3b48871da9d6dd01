"""The bodies of requests and answers that only REST has."""

from typing import Annotated, Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mcp_handoff.actors import ActorRole
from mcp_handoff.projects import CreateProject
from mcp_handoff.rest.fields import (
    JsonObject,
    Name,
    PullRequest,
    Repo,
    Sha,
    TicketName,
    describe_texts,
)
from mcp_handoff.schema import STORABLE, Request, Timestamp
from mcp_handoff.suggestions import Action
from mcp_handoff.tickets import (
    Priority,
    RequestType,
    RoleStatus,
    Stage,
    Status,
    Ticket,
    TicketContent,
    TicketSummary,
)

BUILT = ConfigDict(defer_build=False, json_schema_extra=describe_texts)
"""FastAPI wraps each body in an adapter, which warns of models that are not built yet."""


class ProjectBody(CreateProject):
    """A project to start."""

    model_config = BUILT

    name: Name


def _describe_ticket(model: dict[str, Any]) -> None:
    describe_texts(model)
    model["if"] = {"properties": {"actor_role": {"const": "bot"}}, "required": ["actor_role"]}
    model["then"] = {"properties": {"roles": {"minItems": 1}}, "required": ["roles"]}


class TicketBody(TicketContent):
    """A ticket to file; the actor defaults to a user, the token's name and portal. A bot names
    roles."""

    model_config = BUILT | ConfigDict(json_schema_extra=_describe_ticket)

    evidence: JsonObject | None = None

    actor_role: ActorRole | None = None
    actor_id: Name | None = None
    source: Name | None = None


class TriggerBody(Request):
    """What a bot build is made with."""

    model_config = BUILT

    provider: Name | None = None
    repo: Repo | None = None


class SuggestionBody(Request):
    """A proposal to close a ticket."""

    model_config = BUILT

    ticket_id: TicketName
    evidence: JsonObject
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    merge_sha: Sha | None = None
    pr_number: PullRequest | None = None
    repo: Repo | None = None


class ActionBody(Request):
    """What to do with a suggestion."""

    model_config = BUILT

    action: Action
    reason: Annotated[str, StringConstraints(max_length=2000), STORABLE] | None = None


class BuildBody(Request):
    """A build to register."""

    model_config = BUILT

    build_ref: Name
    display_name: Name
    provider: Name
    description: Annotated[str, StringConstraints(max_length=2000), STORABLE] | None = None
    metadata: JsonObject | None = None


class BuildUpdateRequest(Request):
    """What to change: absent stays, null clears description and metadata."""

    model_config = BUILT

    description: Annotated[str, StringConstraints(max_length=2000), STORABLE] | None = None
    display_name: Name = Field(default_factory=str)
    is_active: bool = Field(default_factory=bool)
    metadata: JsonObject | None = None


class RoleRow(BaseModel):
    """A role on a ticket."""

    id: str
    handoff_request_id: str
    role: str
    status: RoleStatus


class SlimTicketRow(BaseModel):
    """A ticket in a list without its long texts."""

    id: str
    reference: str
    project_id: str
    number: int
    title: str
    request_type: RequestType
    category: RequestType
    status: Status
    stage: Stage
    priority: Priority
    severity: Priority
    blocking: bool
    actor_role: str
    actor_id: str | None
    source: str
    created_at: Timestamp
    updated_at: Timestamp
    roles: list[RoleRow]


class TicketRow(SlimTicketRow):
    """A ticket as the ticket API lists it, with its aliases."""

    description: str
    evidence: dict[str, Any] | None
    suggested_resolution: str | None
    suggested_backend_change: str | None
    implementation_notes: str | None
    ai_output: dict[str, Any] | None
    merge_sha: str | None
    deployed_at: Timestamp | None
    deploy_failed_at: Timestamp | None
    resolution_type: str | None
    resolution_note: str | None
    resolved_at: Timestamp | None


class TicketRows(BaseModel):
    """A page of tickets."""

    tickets: list[TicketRow | SlimTicketRow]
    next_cursor: str | None = None


def slim_row(ticket: TicketSummary) -> SlimTicketRow:
    """Return a ticket as a slim list shows it."""
    return SlimTicketRow.model_validate(_row(ticket))


def row(ticket: Ticket) -> TicketRow:
    """Return a ticket as a list shows it; we know nothing of deployments."""
    texts = {
        **_row(ticket),
        "suggested_backend_change": ticket.suggested_resolution,
        "deployed_at": None,
        "deploy_failed_at": None,
    }
    return TicketRow.model_validate(texts)


def _row(ticket: TicketSummary) -> dict[str, Any]:
    return {
        **ticket.model_dump(),
        "category": ticket.request_type,
        "severity": ticket.priority,
        "roles": [
            RoleRow(
                id=str(uuid5(UUID(ticket.id), role.role)),
                handoff_request_id=ticket.id,
                role=role.role,
                status=role.status,
            )
            for role in ticket.roles
        ],
    }
