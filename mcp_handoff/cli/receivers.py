"""`mcp-handoff receiver`: who is told of triggered builds."""

import argparse

from mcp_handoff.cli.running import run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import Misconfigured
from mcp_handoff.receivers import NOBODY, GetReceiver, SetReceiver, ShownReceiver
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import open_store


def add_command(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = commands.add_parser("show", help="show who is notified")
    show.set_defaults(run=_show_receiver)
    change = commands.add_parser(
        "set", help="notify BUILD_DISPATCH_URL from now on, signed with BUILD_DISPATCH_SECRET"
    )
    change.set_defaults(run=_set_receiver)


def _show_receiver(_: argparse.Namespace, settings: Settings) -> int:
    async def show(desk: Desk, visitor: Visitor) -> None:
        print(_described_receiver(await desk.get_receiver(visitor, Arguments(GetReceiver))))

    return run_at_desk(open_store(settings, migrates=False), settings, show)


def _set_receiver(_: argparse.Namespace, settings: Settings) -> int:
    if settings.dispatch_url is None:
        raise Misconfigured("There is nobody to tell: set BUILD_DISPATCH_URL.")
    sent = {"url": settings.dispatch_url, "secret": settings.dispatch_secret}

    async def change(desk: Desk, visitor: Visitor) -> None:
        print(_described_receiver(await desk.set_receiver(visitor, Arguments(SetReceiver, sent))))

    return run_at_desk(open_store(settings), settings, change)


def _described_receiver(shown: ShownReceiver) -> str:
    receiver = shown.receiver
    if receiver is None:
        return NOBODY
    signed = "signed" if receiver.is_signed else "not signed"
    return f"{receiver.origin}  {signed}  set at {receiver.set_at}"
