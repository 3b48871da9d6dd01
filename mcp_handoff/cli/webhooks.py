"""`mcp-handoff webhook`: who is told what happens."""

import argparse
import sys
from typing import get_args

import anyio

from mcp_handoff.backend import Store
from mcp_handoff.cli.running import line_of, run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.dispatches import Destination
from mcp_handoff.errors import OutcomeUnknown
from mcp_handoff.validation import Arguments
from mcp_handoff.webhooks import (
    EVERYTHING,
    AddWebhook,
    ListWebhooks,
    RemoveWebhook,
    Webhook,
    WebhookFormat,
    WebhookTest,
    unreachable_address,
)
from mcp_handoff.wiring import open_dispatcher, open_store

TEST_SECONDS = 25.0
"""How long a test may take: a server that sends it has its own deadline."""

LOOK_SECONDS = 0.2
"""How often it is looked whether a server has sent it."""


def add_command(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = commands.add_parser(
        "add", help="notify an address of what happens; its secret is shown once"
    )
    add.add_argument("url", metavar="URL", help="the https:// address that is notified")
    add.add_argument(
        "--events",
        metavar="LIST",
        help=f"words and kinds with commas between them, such as take,ticket.closed"
        f" (default: {','.join(EVERYTHING)})",
    )
    add.add_argument("--project", metavar="SLUG", help="default: all projects")
    add.add_argument(
        "--format", choices=get_args(WebhookFormat), default="standard", help="default: standard"
    )
    add.set_defaults(run=_add)
    commands.add_parser("list", help="list the webhooks and how they fare").set_defaults(run=_list)
    remove = commands.add_parser("remove", help="stop notifying a webhook")
    remove.add_argument("id", metavar="ID", help="one of webhook list")
    remove.set_defaults(run=_remove)
    test = commands.add_parser(
        "test", help="send a test message; a webhook that was off and takes it is on again"
    )
    test.add_argument("id", metavar="ID", help="one of webhook list")
    test.set_defaults(run=_test)


def _add(options: argparse.Namespace, settings: Settings) -> int:
    sent = {"url": options.url, "project": options.project, "format": options.format}
    if options.events is not None:
        sent["events"] = [word.strip() for word in options.events.split(",")]

    async def add(desk: Desk, visitor: Visitor) -> None:
        added = await desk.add_webhook(visitor, Arguments(AddWebhook, sent))
        if address := unreachable_address(options.url, settings.webhook_networks):
            print(
                f"warning: {address} is not public, and HANDOFF_WEBHOOK_NETWORKS does not allow it"
                " here; it is told only by a server that allows it",
                file=sys.stderr,
            )
        if added.secret is None:
            print(_described(added.webhook))
            return
        print(f"{_described(added.webhook)}; this is its secret, shown once:", file=sys.stderr)
        print(added.secret)

    return run_at_desk(open_store(settings), settings, add)


def _list(_: argparse.Namespace, settings: Settings) -> int:
    async def show(desk: Desk, visitor: Visitor) -> None:
        for webhook in (await desk.list_webhooks(visitor, Arguments(ListWebhooks))).webhooks:
            print(_described(webhook))

    return run_at_desk(open_store(settings, migrates=False), settings, show)


def _remove(options: argparse.Namespace, settings: Settings) -> int:
    async def remove(desk: Desk, visitor: Visitor) -> None:
        arguments = Arguments(RemoveWebhook, {"webhook_id": options.id})
        print(_described((await desk.remove_webhook(visitor, arguments)).webhook))

    return run_at_desk(open_store(settings), settings, remove)


def _test(options: argparse.Namespace, settings: Settings) -> int:
    store, states = open_store(settings), list[Webhook]()

    async def test(desk: Desk, visitor: Visitor) -> None:
        arguments = Arguments(WebhookTest, {"webhook_id": options.id})
        before = (await desk.test_webhook(visitor, arguments)).webhook
        webhook = await _tried(store, settings, before, desk, visitor)
        print(_described(webhook))
        if webhook.last_attempt_at == before.last_attempt_at:
            raise OutcomeUnknown("It was not sent yet; mcp-handoff webhook list says how it ends.")
        states.append(webhook)

    run_at_desk(store, settings, test)
    return 1 if states[0].last_error else 0


async def _tried(
    store: Store, settings: Settings, before: Webhook, desk: Desk, visitor: Visitor
) -> Webhook:
    """Send what waits for a webhook, or wait for a server that does; return it as it then is."""
    webhook, dispatcher = before, open_dispatcher(store, settings, settings.public_url)
    with anyio.move_on_after(TEST_SECONDS):
        listed = await desk.list_webhooks(visitor, Arguments(ListWebhooks))
        while webhook.last_attempt_at == before.last_attempt_at:
            others: list[Destination] = [one.id for one in listed.webhooks if one.id != before.id]
            await dispatcher.send_due(but_to=[*others, None])
            listed = await desk.list_webhooks(visitor, Arguments(ListWebhooks))
            webhook = next((one for one in listed.webhooks if one.id == before.id), before)
            await anyio.sleep(LOOK_SECONDS)
    return webhook


def _described(webhook: Webhook) -> str:
    off = f"off since {webhook.off_since}: {webhook.off_reason}"
    last = f"last attempt failed: {webhook.last_error}" if webhook.last_error else None
    fields = (
        webhook.id,
        webhook.origin,
        webhook.format,
        ",".join(webhook.events),
        webhook.project or "all projects",
        off if webhook.off_since else "on",
        f"{webhook.waiting} waiting" if webhook.waiting else None,
        f"last taken {webhook.last_taken_at or 'never'}",
        None if webhook.off_since else last,
    )
    return line_of(*filter(None, fields))
