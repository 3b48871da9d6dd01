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
)
from mcp_handoff.rest.backends import Desk
from mcp_handoff.rest.bodies import BuildBody, BuildUpdateRequest
from mcp_handoff.rest.callers import ByToken
from mcp_handoff.rest.envelopes import BUILD_RESPONSES
from mcp_handoff.rest.requests import made

router = APIRouter(prefix="/v1/org/{org}/builds", tags=["builds"], responses=BUILD_RESPONSES)


@router.get("", summary="List builds")
async def find_builds(
    org: str,
    desk: Desk,
    caller: ByToken,
    status: BuildStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> BuildPage:
    request = made(FindBuilds, org=org, status=status, limit=limit, cursor=cursor)
    return await desk.find_builds(caller, request)


@router.post("", status_code=201, summary="Register build")
async def create_build(org: str, body: BuildBody, desk: Desk, caller: ByToken) -> Build:
    return await desk.create_build(caller, made(CreateBuild, org=org, **body.model_dump()))


@router.get("/{build_id}", summary="Read build")
async def get_build(org: str, build_id: str, desk: Desk, caller: ByToken) -> Build:
    return await desk.get_build(caller, made(GetBuild, org=org, build_id=build_id))


@router.patch("/{build_id}", summary="Update build")
async def update_build(
    org: str, build_id: str, body: BuildUpdateRequest, desk: Desk, caller: ByToken
) -> Build:
    given: dict[str, Any] = body.model_dump(exclude_unset=True)
    return await desk.update_build(caller, made(UpdateBuild, org=org, build_id=build_id, **given))
