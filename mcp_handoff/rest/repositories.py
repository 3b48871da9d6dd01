"""/repositories: link, list and unlink, for admins."""

from fastapi import APIRouter

from mcp_handoff.repositories import (
    LinkedRepository,
    LinkRepository,
    ListRepositories,
    RepositoryList,
    UnlinkedRepository,
    UnlinkRepository,
)
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.parameters import RepositoryId
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/repositories", tags=["repositories"])


@router.get("", summary="List linked repositories", responses=ticket_reads())
async def list_repositories(desk: DeskDep, visitor: VisitorDep) -> RepositoryList:
    return await desk.list_repositories(visitor, Arguments(ListRepositories))


@router.post(
    "",
    status_code=201,
    summary="Link a repository",
    responses=ticket_writes(404, 409),
    openapi_extra=json_body(LinkRepository),
)
async def link_repository(body: Body, desk: DeskDep, visitor: VisitorDep) -> LinkedRepository:
    return await desk.link_repository(visitor, Arguments(LinkRepository, body))


@router.delete("/{repository_id}", summary="Unlink a repository", responses=ticket_writes(404))
async def unlink_repository(
    repository_id: RepositoryId, desk: DeskDep, visitor: VisitorDep
) -> UnlinkedRepository:
    sent = {"repository_id": repository_id}
    return await desk.unlink_repository(visitor, Arguments(UnlinkRepository, sent))
