"""/me: whom a token stands for."""

from fastapi import APIRouter

from mcp_handoff.rest.callers import Entered
from mcp_handoff.rest.envelopes import ticket_reads
from mcp_handoff.tokens import Identity

router = APIRouter(prefix="/me", tags=["me"])


@router.get("", summary="Tell whom the token stands for", responses=ticket_reads())
async def whoami(door: Entered) -> Identity:
    principal = door.principal
    projects = None if principal.projects is None else sorted(principal.projects)
    return Identity(name=principal.name, role=principal.role, projects=projects)
