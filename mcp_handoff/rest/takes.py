"""/projects/{id}/takes: who holds what."""

from fastapi import APIRouter

from mcp_handoff.rest.dependencies import DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads
from mcp_handoff.rest.parameters import ProjectId
from mcp_handoff.takes import ListTakes, TakeList
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/projects/{id}/takes", tags=["work"])


@router.get("", summary="List who holds what", responses=ticket_reads(400, 404))
async def list_takes(project: ProjectId, desk: DeskDep, visitor: VisitorDep) -> TakeList:
    return await desk.list_takes(visitor, Arguments(ListTakes, {}, {"project": project}))
