"""/v1/org/{org}/builds: list, register, read, update.

Seed page: "Update build".
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from mcp_handoff.builds import (
    Build,
    BuildPage,
    BuildStatus,
    CreateBuild,
    FindBuilds,
    GetBuild,
    UpdateBuild,
    UpdatedBuild,
)
from mcp_handoff.rest.backends import Desk
from mcp_handoff.rest.callers import ByToken, Entered
from mcp_handoff.rest.envelopes import BUILD_READS, BUILD_WRITES
from mcp_handoff.rest.parameters import BuildId, Cursor, Organization, ProjectQuery, TicketQuery
from mcp_handoff.rest.requests import made
from mcp_handoff.rest.rows import BuildBody, BuildUpdateRequest

router = APIRouter(prefix="/v1/org/{org}/builds", tags=["builds"])


@router.get("", summary="List builds", responses=BUILD_READS)
async def find_builds(
    org: Organization,
    desk: Desk,
    door: Entered,
    ticket: TicketQuery = None,
    project: ProjectQuery = None,
    status: BuildStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Cursor = None,
) -> BuildPage:
    request = made(FindBuilds, org=org, ticket=ticket, status=status, limit=limit, cursor=cursor)
    return await desk.find_builds(door.caller(project=project), request)


@router.post("", status_code=201, summary="Register build", responses=BUILD_WRITES)
async def create_build(
    org: Organization, body: BuildBody, desk: Desk, caller: ByToken
) -> UpdatedBuild:
    return await desk.create_build(caller, made(CreateBuild, org=org, **body.model_dump()))


@router.get("/{build_id}", summary="Read build", responses=BUILD_READS)
async def get_build(org: Organization, build_id: BuildId, desk: Desk, caller: ByToken) -> Build:
    return await desk.get_build(caller, made(GetBuild, org=org, build_id=build_id))


@router.patch("/{build_id}", summary="Update build", responses=BUILD_WRITES)
async def update_build(
    org: Organization, build_id: BuildId, body: BuildUpdateRequest, desk: Desk, caller: ByToken
) -> UpdatedBuild:
    given: dict[str, Any] = body.model_dump(exclude_unset=True)
    return await desk.update_build(caller, made(UpdateBuild, org=org, build_id=build_id, **given))
