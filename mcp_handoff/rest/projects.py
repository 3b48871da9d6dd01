"""/projects: list, start."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mcp_handoff.projects import (
    ChangedProject,
    ChangeProject,
    CreatedProject,
    CreateProject,
    ListProjects,
    ProjectPage,
)
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.headers import tell_in_headers
from mcp_handoff.rest.parameters import Cursor, Key, ProjectId, given
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("", summary="List projects", responses=ticket_reads(400))
async def list_projects(
    desk: DeskDep,
    visitor: VisitorDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: Cursor = None,
) -> ProjectPage:
    sent = given(limit=limit, cursor=cursor)
    return await desk.list_projects(visitor, Arguments(ListProjects, sent))


@router.post(
    "",
    status_code=201,
    summary="Start a project",
    responses=ticket_writes(409),
    openapi_extra=json_body(CreateProject, without={"idempotency_key"}),
)
async def create_project(
    body: Body, desk: DeskDep, visitor: VisitorDep, response: Response, key: Key = None
) -> CreatedProject:
    fixed = {"idempotency_key": key}
    created = await desk.create_project(visitor, Arguments(CreateProject, body, fixed))
    tell_in_headers(response, created)
    return created


@router.patch(
    "/{id}",
    summary="Change a project's policies",
    responses=ticket_writes(404),
    openapi_extra=json_body(ChangeProject, without={"project"}),
)
async def change_project(
    project: ProjectId, body: Body, desk: DeskDep, visitor: VisitorDep
) -> ChangedProject:
    arguments = Arguments(ChangeProject, body, {"project": project})
    return await desk.change_project(visitor, arguments)
