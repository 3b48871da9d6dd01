"""/projects: list, start."""

from fastapi import APIRouter

from mcp_handoff.errors import Forbidden
from mcp_handoff.projects import CreatedProject, ListProjects, ProjectList
from mcp_handoff.rest.backends import Desk
from mcp_handoff.rest.callers import ByToken, Entered
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.rows import ProjectBody

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("", summary="List projects", responses=ticket_reads())
async def list_projects(desk: Desk, caller: ByToken) -> ProjectList:
    return await desk.list_projects(caller, ListProjects())


@router.post("", status_code=201, summary="Start a project", responses=ticket_writes(409))
async def create_project(body: ProjectBody, desk: Desk, door: Entered) -> CreatedProject:
    if door.principal.role == "bot":
        raise Forbidden("A bot's token starts no projects; ask a user or an admin.")
    return await desk.create_project(door.caller(), body)
