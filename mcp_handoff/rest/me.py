"""/me: whom a token stands for."""

from fastapi import APIRouter

from mcp_handoff.principals import Identity
from mcp_handoff.rest.dependencies import DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads

router = APIRouter(prefix="/me", tags=["me"])


@router.get("", summary="Tell whom the token stands for", responses=ticket_reads())
async def whoami(desk: DeskDep, visitor: VisitorDep) -> Identity:
    return desk.whoami(visitor)
