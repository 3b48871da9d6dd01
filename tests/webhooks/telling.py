"""Webhooks of a store, what tells them, and what happens that they are told of."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.addresses import Network
from mcp_handoff.backend import Store
from mcp_handoff.dispatch.dispatcher import Dispatcher
from mcp_handoff.dispatch.endpoints import BuildEndpoint
from mcp_handoff.dispatch.sender import Sender
from mcp_handoff.dispatches import Attempt
from mcp_handoff.validation import Arguments
from mcp_handoff.webhooks import (
    AddedWebhook,
    AddWebhook,
    ListWebhooks,
    RemoveWebhook,
    Webhook,
    WebhookTest,
)
from tests import requests
from tests.dispatch.receiver import Receiver
from tests.http.served import OPERATOR

LOOPBACK: Sequence[Network] = (IPv4Network("127.0.0.0/8"),)
"""Where the receivers of the tests are."""

DESK = "https://desk.example"
"""Where this desk is reached."""


async def add(desk: Store, receiver: Receiver, **given: Any) -> AddedWebhook:
    """Add a webhook for a receiver."""
    request = Arguments(AddWebhook, {"url": receiver.url, **given}).parse("user")
    return await desk.add_webhook(OPERATOR, request)


async def remove(desk: Store, webhook_id: str) -> None:
    await desk.remove_webhook(OPERATOR, RemoveWebhook(webhook_id=webhook_id))


async def order_test(desk: Store, webhook_id: str) -> None:
    """Have a webhook sent a test."""
    await desk.test_webhook(OPERATOR, WebhookTest(webhook_id=webhook_id))


async def webhooks_of(desk: Store) -> list[Webhook]:
    return (await desk.list_webhooks(OPERATOR, ListWebhooks())).webhooks


async def only_webhook(desk: Store) -> Webhook:
    [webhook] = await webhooks_of(desk)
    return webhook


def dispatcher_of(
    desk: Store, builds: Receiver | None = None, *, networks: Sequence[Network] = LOOPBACK
) -> Dispatcher:
    """Return what tells the webhooks of a store, and a receiver of builds if there is one."""
    endpoint = builds and BuildEndpoint(builds.url)
    return Dispatcher(
        desk,
        lambda: Sender(endpoint, desk=DESK, networks=networks),
        sends_builds=endpoint is not None,
    )


async def tell(desk: Store, *, networks: Sequence[Network] = LOOPBACK) -> list[Attempt]:
    """Tell the webhooks what is due, by a process that knows nothing of them yet."""
    return await dispatcher_of(desk, networks=networks).send_due()


async def file_ticket(desk: Store, caller: Caller, title: str = "Checkout fails") -> str:
    """Return the reference of a new ticket."""
    created = await desk.create_ticket(caller, requests.create_ticket(title=title))
    assert created.ticket.reference is not None
    return created.ticket.reference


async def say(desk: Store, caller: Caller, ticket: str, *bodies: str) -> None:
    """Add messages to a ticket, one after the other."""
    for body in bodies:
        await desk.add_message(caller, requests.add_message(ticket, body))


def kinds(receiver: Receiver) -> list[str]:
    """Return of which events a receiver was told, in the order in which it was."""
    return [message.told["type"] for message in receiver.messages]


def subjects(receiver: Receiver, ticket: str | None = None) -> list[str]:
    """Return what a receiver was told about, in that order: all, or of one ticket."""
    told = [message.data for message in receiver.messages]
    return [data["subject_id"] for data in told if ticket in (None, data.get("ticket"))]
