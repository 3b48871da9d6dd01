"""`mcp-handoff dispatch`: send what is due, once."""

import argparse

from mcp_handoff.backend import Store
from mcp_handoff.cli.running import run
from mcp_handoff.config import Settings
from mcp_handoff.errors import Misconfigured
from mcp_handoff.wiring import agree_on_receiver, open_dispatcher, open_store


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_dispatch)


def _dispatch(_: argparse.Namespace, settings: Settings) -> int:
    async def send(store: Store) -> None:
        await agree_on_receiver(store, settings)
        if settings.dispatch_url is None and not await store.queue_events():
            raise Misconfigured(
                "There is nobody to tell: set BUILD_DISPATCH_URL, or mcp-handoff webhook add."
            )
        attempts = await open_dispatcher(store, settings, settings.public_url).send_due()
        failed = [attempt for attempt in attempts if attempt.error]
        print(f"{len(attempts) - len(failed)} dispatched, {len(failed)} failed")

    return run(open_store(settings), settings, send)
