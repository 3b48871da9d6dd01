"""/tokens: list and revoke, for admins."""

from typing import Annotated

from fastapi import APIRouter, Path

from mcp_handoff.rest.dependencies import DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.tokens import ListTokens, RevokedToken, RevokeToken, TokenList
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/tokens", tags=["tokens"])


@router.get("", summary="List tokens", responses=ticket_reads(400))
async def list_tokens(desk: DeskDep, visitor: VisitorDep) -> TokenList:
    return await desk.list_tokens(visitor, Arguments(ListTokens))


@router.delete("/{token}", summary="Revoke a token", responses=ticket_writes(404))
async def revoke_token(
    token: Annotated[str, Path(description="a token's id or name", max_length=200)],
    desk: DeskDep,
    visitor: VisitorDep,
) -> RevokedToken:
    return await desk.revoke_token(visitor, Arguments(RevokeToken, {"token": token}))
