"""Work: taking a ticket's roles, finishing them, handing them back, and changing the ticket.

Bodies: the ticket API's documented page "Update a handoff ticket" (docs/rest.md); the rules that
follow from one another: workflow.py.
"""

from typing import Annotated, Literal, Protocol, Self

from pydantic import (
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound
from mcp_handoff.links import Blockers
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName
from mcp_handoff.schema import (
    STORABLE,
    IdempotencyKey,
    Instant,
    JsonObject,
    Replayable,
    Request,
    Timestamp,
)
from mcp_handoff.takes import Fence
from mcp_handoff.text.characters import listed
from mcp_handoff.tickets import (
    Description,
    Priority,
    RequestType,
    TicketDetail,
    TicketSummary,
    Title,
)
from mcp_handoff.workflow import (
    MERGED,
    AnyRole,
    Role,
    RoleStatus,
    Standing,
    WorkRole,
)

Resolution = Literal[
    "completed", "already_done", "duplicate", "wont_fix", "no_longer_relevant", "cancelled"
]

FINISHED: frozenset[str] = frozenset({"completed", "already_done"})
"""The resolutions that say that every role's work is through."""

OpenStage = Literal["backlog", "up_next", "in_progress", "validation"]
"""The stages that a ticket is given by hand; it is live when its last role is done, or closed."""

Note = Annotated[str, StringConstraints(max_length=5000), STORABLE]
"""What whoever comes next should know."""

ParkReason = Annotated[str, StringConstraints(min_length=1, max_length=500), STORABLE]
"""Why a take's clock stands."""


class TakeTicket(Request):
    """Take a role's work on a ticket; without one, on the most urgent that is ready for it."""

    role: WorkRole
    ticket: TicketName | None = None
    note: Note | None = None
    take_over: Annotated[bool, Field(description="from a holder whose time is over")] = False
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class TakenTicket(Replayable):
    """The ticket, of which the caller now holds a role under this fence; `already` if it did
    before. `until` is when the take is over unless the holder calls before, None for never."""

    detail: TicketDetail
    role: str
    fence: int
    until: Timestamp | None = None
    already: bool = False
    masked: list[str] | None = None


class UpdateTicket(Request):
    """Change a ticket: how far a role is, its stage, what it says, what it is blocked by; close it,
    or open it again, by giving it another stage or with `reopen` in in_progress.

    `updated_at` is the version that the caller saw; `criteria` are what was confirmed when a role
    was finished, which history keeps; with `skip_tests` it is closed although qa or test have not
    acted, which admins alone may.
    """

    ticket: TicketName
    role_status: RoleStatus | None = None
    role: Annotated[AnyRole | None, Field(validate_default=True)] = None
    park: ParkReason | None = None
    stage: OpenStage | None = None
    close_as: Resolution | None = None
    note: Note | None = None
    priority: Priority | None = None
    blocking: bool | None = None
    title: Title | None = None
    description: Description | None = None
    request_type: RequestType | None = None
    add_roles: Annotated[list[Role], Field(max_length=50)] | None = None
    blocked_by: Blockers | None = None
    fence: Fence | None = None
    updated_at: Instant | None = None
    criteria: JsonObject | None = None
    reopen: bool = False
    skip_tests: bool = False
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None

    @field_validator("role")
    @classmethod
    def _check_role(cls, role: AnyRole | None, info: ValidationInfo) -> AnyRole | None:
        status = info.data.get("role_status")
        if status and role is None:
            raise _together("must say whose role_status that is")
        if role and not status:
            raise _together("comes with role_status, which says how far it is")
        if role == "merged" and status not in (None, "skipped"):
            why = "can only be skipped by hand: a suggestion to close tells what was merged"
            raise _together(why)
        return role

    @field_validator("close_as")
    @classmethod
    def _check_close_as(cls, close_as: Resolution, info: ValidationInfo) -> Resolution:
        given = [name for name in ("role_status", "park", "stage") if info.data.get(name)]
        if given:
            raise _together(f"closes the ticket: leave {listed(given)} out, or it")
        return close_as

    @model_validator(mode="after")
    def _check_fence(self) -> Self:
        if self.fence and not self.role:
            raise _together("has a fence and no role; name the role that you took under it")
        return self


class UpdatedTicket(Replayable):
    """The ticket as it now is; `changed` names what differs from before, `handed_on_to` the roles
    that can begin with this, `unblocked` the tickets that waited for it alone."""

    ticket: TicketSummary
    changed: list[str]
    handed_on_to: list[str]
    unblocked: list[str]
    masked: list[str] | None = None


class WorkOperations(Protocol):
    """What a backend does with the work on a ticket."""

    async def take_ticket(self, caller: Caller, request: TakeTicket, /) -> TakenTicket:
        """Take a role's work: of many callers one wins. A second call by the holder renews it.

        Without a ticket it is the most urgent one that is ready for the role: open, the role
        pending, nothing open that blocks it, and for a role that tests, nothing left to implement.
        Raises TicketClosed, TicketTaken, and NotFound when nothing is ready.
        """
        ...

    async def update_ticket(self, caller: Caller, request: UpdateTicket, /) -> UpdatedTicket:
        """Change a ticket, all of it or nothing; the stage follows from the roles (workflow.py).

        Raises TicketTaken for a role that another one holds, TakenOver when the caller held it,
        RolesIncomplete when what is to be closed as finished is not, and Outdated when the ticket
        was changed after `updated_at`.
        """
        ...


def without_role(name: str, standing: Standing) -> NotFound:
    """Return the error of naming a role that a ticket has not."""
    has = listed([role for role in standing.roles if role != MERGED]) or "none"
    return NotFound.at("role", f"is none of {name}, which has {has}", "add_roles adds one")


def _together(why: str) -> PydanticCustomError:
    """Return the error of a field that does not go with the others."""
    return PydanticCustomError("together", "{why}", {"why": why})
