"""/projects/{id}/tickets/{ticketId}: change and take; /projects/{id}/take: take the next.

The ticket API's documented page "Update a handoff ticket" (docs/rest.md).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from mcp_handoff.links import Blockers
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_writes
from mcp_handoff.rest.headers import tell_in_headers
from mcp_handoff.rest.parameters import INSTANT, Key, ProjectId, TicketId
from mcp_handoff.schema import STORABLE, Instant, Request
from mcp_handoff.takes import Fence
from mcp_handoff.tickets import Description, Priority, RequestType, Title
from mcp_handoff.validation import Arguments, Translatable, TranslatedArguments
from mcp_handoff.work import (
    Note,
    ParkReason,
    Resolution,
    TakenTicket,
    TakeTicket,
    UpdatedTicket,
    UpdateTicket,
)
from mcp_handoff.workflow import AnyRole, Role, RoleStatus, Stage, Status

router = APIRouter(prefix="/projects/{id}", tags=["work"])

Criterion = Annotated[str, StringConstraints(max_length=1000), STORABLE]


class RoleChange(Request):
    """How far a role is now; what was confirmed with it is kept in the ticket's history."""

    role: AnyRole
    status: RoleStatus
    work_started_note: Note | None = None
    criteria_confirmed: bool | None = None
    acceptance_criteria: Annotated[list[Criterion], Field(max_length=50)] | None = None


class PatchTicket(Translatable):
    """What is to be changed of a ticket; `blocking`, `add_roles`, `blocked_by`, `park` and `fence`
    are not of the documented page."""

    status: Status | None = None
    stage: Stage | None = None
    work_started_note: Annotated[Note | None, Field(description="required for in_progress")] = None
    priority: Priority | None = None
    title: Title | None = None
    description: Description | None = None
    request_type: RequestType | None = None
    resolution_type: Resolution | None = None
    resolution_note: Note | None = None
    role_status: RoleChange | None = None
    updated_at: Annotated[Instant, INSTANT] | None = None
    skip_human_test_gate: bool = False
    blocking: bool | None = None
    add_roles: Annotated[list[Role], Field(max_length=50)] | None = None
    blocked_by: Blockers | None = None
    park: ParkReason | None = None
    fence: Fence | None = None

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.stage == "in_progress" and not self.work_started_note:
            raise _wrong("work_started_note is required when stage becomes in_progress")
        if self.status == "open" and self.stage == "live":
            raise _wrong("status can't be open in stage live")
        if self.status == "closed" and self.stage not in (None, "live"):
            raise _wrong("stage is live when status is closed")
        if self.resolution_type and not self._closes:
            raise _wrong("resolution_type comes with status closed")
        return self

    @property
    def _closes(self) -> bool:
        return self.status == "closed" or self.stage == "live"

    def as_arguments(self) -> Mapping[str, Any]:
        same = {
            *("priority", "title", "description", "request_type", "updated_at", "blocking"),
            *("add_roles", "blocked_by", "park", "fence"),
        }
        arguments = self.model_dump(include=same, exclude_none=True)
        if self._closes:
            arguments["close_as"] = self.resolution_type or "completed"
        elif self.stage:
            arguments["stage"] = self.stage
        elif self.status == "open":
            arguments["reopen"] = True
        note = self.resolution_note or self.work_started_note
        if (change := self.role_status) is not None:
            arguments |= {"role": change.role, "role_status": change.status}
            note = change.work_started_note or note
            given = change.model_dump(exclude_none=True)
            criteria = {name: given[name] for name in _CRITERIA if name in given}
            arguments |= {"criteria": criteria} if criteria else {}
        return {**arguments, "skip_tests": self.skip_human_test_gate, "note": note}


_CRITERIA = ("criteria_confirmed", "acceptance_criteria")


def _wrong(why: str) -> PydanticCustomError:
    return PydanticCustomError("together", "{why}", {"why": why})


@router.patch(
    "/tickets/{ticketId}",
    summary="Update a handoff ticket",
    responses=ticket_writes(404, 409),
    openapi_extra=json_body(PatchTicket),
)
async def update_ticket(
    project: ProjectId,
    ticket: TicketId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> UpdatedTicket:
    fixed = {"ticket": ticket, "project": project, "idempotency_key": key}
    arguments = TranslatedArguments(UpdateTicket, body, fixed, body=PatchTicket)
    updated = await desk.update_ticket(visitor, arguments)
    tell_in_headers(response, updated)
    return updated


@router.post(
    "/tickets/{ticketId}/take",
    summary="Take a role's work on a ticket",
    responses=ticket_writes(404, 409),
    openapi_extra=json_body(TakeTicket, without={"ticket", "project", "idempotency_key"}),
)
async def take_ticket(
    project: ProjectId,
    ticket: TicketId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> TakenTicket:
    fixed = {"ticket": ticket, "project": project, "idempotency_key": key}
    taken = await desk.take_ticket(visitor, Arguments(TakeTicket, body, fixed))
    tell_in_headers(response, taken)
    return taken


@router.post(
    "/take",
    summary="Take a role's work on the most urgent ticket that is ready for it",
    responses=ticket_writes(404, 409),
    openapi_extra=json_body(TakeTicket, without={"ticket", "project", "idempotency_key"}),
)
async def take_next(
    project: ProjectId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> TakenTicket:
    fixed = {"project": project, "idempotency_key": key}
    taken = await desk.take_ticket(visitor, Arguments(TakeTicket, body, fixed))
    tell_in_headers(response, taken)
    return taken
