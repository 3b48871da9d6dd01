"""/webhooks: add, list, remove and test them, for admins."""

from fastapi import APIRouter

from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import Body, DeskDep, VisitorDep
from mcp_handoff.rest.envelopes import ticket_reads, ticket_writes
from mcp_handoff.rest.parameters import WebhookId
from mcp_handoff.validation import Arguments
from mcp_handoff.webhooks import (
    AddedWebhook,
    AddWebhook,
    ListWebhooks,
    RemovedWebhook,
    RemoveWebhook,
    WebhookList,
    WebhookTest,
    WebhookUnderTest,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.get("", summary="List webhooks", responses=ticket_reads())
async def list_webhooks(desk: DeskDep, visitor: VisitorDep) -> WebhookList:
    return await desk.list_webhooks(visitor, Arguments(ListWebhooks))


@router.post(
    "",
    status_code=201,
    summary="Add a webhook",
    responses=ticket_writes(404),
    openapi_extra=json_body(AddWebhook),
)
async def add_webhook(body: Body, desk: DeskDep, visitor: VisitorDep) -> AddedWebhook:
    return await desk.add_webhook(visitor, Arguments(AddWebhook, body))


@router.delete("/{webhook_id}", summary="Remove a webhook", responses=ticket_writes(404))
async def remove_webhook(
    webhook_id: WebhookId, desk: DeskDep, visitor: VisitorDep
) -> RemovedWebhook:
    return await desk.remove_webhook(visitor, Arguments(RemoveWebhook, {"webhook_id": webhook_id}))


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    summary="Send a webhook a test message",
    responses=ticket_writes(404),
)
async def test_webhook(
    webhook_id: WebhookId, desk: DeskDep, visitor: VisitorDep
) -> WebhookUnderTest:
    return await desk.test_webhook(visitor, Arguments(WebhookTest, {"webhook_id": webhook_id}))
