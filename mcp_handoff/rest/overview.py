"""/projects/{id}/overview: where a project stands."""

from fastapi import APIRouter

from mcp_handoff.overview import GetOverview, Overview
from mcp_handoff.rest.dependencies import DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads
from mcp_handoff.rest.parameters import ProjectId, given
from mcp_handoff.validation import Arguments
from mcp_handoff.workflow import WorkRole

router = APIRouter(prefix="/projects/{id}/overview", tags=["projects"])


@router.get("", summary="Look at a project as a whole", responses=ticket_reads(400, 404))
async def get_overview(
    project: ProjectId, desk: DeskDep, visitor: VisitorDep, role: WorkRole | None = None
) -> Overview:
    arguments = Arguments(GetOverview, given(role=role), {"project": project})
    return await desk.get_overview(visitor, arguments)
