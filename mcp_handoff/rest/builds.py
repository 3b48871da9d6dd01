"""/v1/org/{org}/builds: list, register, read, update, report.

The builds API's documented page "Update build" (docs/rest.md).
"""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from mcp_handoff.builds import (
    Build,
    BuildPage,
    BuildStatus,
    CreateBuild,
    FindBuilds,
    GetBuild,
    ReportBuild,
    UpdateBuild,
    UpdatedBuild,
)
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import BUILD_READS, BUILD_WRITES
from mcp_handoff.rest.headers import tell_in_headers
from mcp_handoff.rest.parameters import (
    BuildId,
    Cursor,
    Key,
    Organization,
    ProjectQuery,
    Since,
    TicketQuery,
    Wait,
    given,
)
from mcp_handoff.rest.presence import while_connected
from mcp_handoff.validation import Arguments

_FAILED_ALONE_SAYS_WHY = {
    "anyOf": [
        {"properties": {"status": {"const": "failed"}}},
        {"properties": {"error_message": {"type": "null"}}},
    ]
}

router = APIRouter(prefix="/v1/org/{org}/builds", tags=["builds"])


@router.get("", summary="List builds", responses=BUILD_READS)
async def find_builds(
    request: Request,
    org: Organization,
    desk: DeskDep,
    visitor: VisitorDep,
    ticket: TicketQuery = None,
    project: ProjectQuery = None,
    status: BuildStatus | None = None,
    silent_since: Since = None,
    wait_s: Wait = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Cursor = None,
) -> BuildPage:
    sent = given(
        ticket=ticket,
        status=status,
        silent_since=silent_since,
        wait_s=wait_s,
        limit=limit,
        cursor=cursor,
    )
    where = replace(visitor, project=project or visitor.project)
    read = desk.find_builds(where, Arguments(FindBuilds, sent, {"org": org}))
    return await (while_connected(request, read) if wait_s else read)


@router.post(
    "",
    status_code=201,
    summary="Register build",
    responses=BUILD_WRITES,
    openapi_extra=json_body(CreateBuild, without={"org", "idempotency_key"}),
)
async def create_build(
    org: Organization,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> UpdatedBuild:
    fixed = {"org": org, "idempotency_key": key}
    created = await desk.create_build(visitor, Arguments(CreateBuild, body, fixed))
    tell_in_headers(response, created)
    return created


@router.get("/{build_id}", summary="Read build", responses=BUILD_READS)
async def get_build(
    request: Request,
    org: Organization,
    build_id: BuildId,
    desk: DeskDep,
    visitor: VisitorDep,
    wait_s: Wait = 0,
) -> Build:
    fixed = {"org": org, "build_id": build_id}
    read = desk.get_build(visitor, Arguments(GetBuild, {"wait_s": wait_s}, fixed))
    return await (while_connected(request, read) if wait_s else read)


@router.patch(
    "/{build_id}",
    summary="Update build",
    responses=BUILD_WRITES,
    openapi_extra=json_body(UpdateBuild, without={"org", "build_id", "idempotency_key"}),
)
async def update_build(
    org: Organization,
    build_id: BuildId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> UpdatedBuild:
    fixed = {"org": org, "build_id": build_id, "idempotency_key": key}
    updated = await desk.update_build(visitor, Arguments(UpdateBuild, body, fixed))
    tell_in_headers(response, updated)
    return updated


@router.post(
    "/{build_id}/report",
    summary="Report build",
    responses=BUILD_WRITES,
    openapi_extra=json_body(
        ReportBuild,
        without={"org", "build_id", "ticket", "provider", "project", "idempotency_key"},
        more=_FAILED_ALONE_SAYS_WHY,
    ),
)
async def report_build(
    org: Organization,
    build_id: BuildId,
    body: Body,
    desk: DeskDep,
    visitor: VisitorDep,
    response: Response,
    key: Key = None,
) -> UpdatedBuild:
    named = {"org": org, "build_id": build_id, "ticket": None, "provider": None, "project": None}
    fixed = {**named, "idempotency_key": key}
    reported = await desk.report_build(visitor, Arguments(ReportBuild, body, fixed))
    tell_in_headers(response, reported)
    return reported
