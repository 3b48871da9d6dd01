"""`mcp-handoff`, `mcp-handoff serve`, `mcp-handoff dispatch`."""

import argparse
import gc
import sys
from pathlib import Path

from mcp_handoff.backend import Backend, Store
from mcp_handoff.checkout import Checkout
from mcp_handoff.cli.running import run
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk
from mcp_handoff.errors import Misconfigured
from mcp_handoff.wiring import (
    agree_on_receiver,
    background_work,
    open_backend,
    open_dispatcher,
    open_store,
)

_AT_A_TERMINAL = (
    "mcp-handoff: waiting for an MCP client on stdin (Ctrl-C ends it). To look around:"
    " mcp-handoff demo, mcp-handoff --help."
)


def port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 (any that is free) to 65535")
    return int(text)


def serve_over_http(options: argparse.Namespace, settings: Settings) -> int:
    from mcp_handoff.http.serving import serve
    from mcp_handoff.logs import write_logs_as_json

    async def use(backend: Backend) -> None:
        write_logs_as_json(settings.log_level)
        await agree_on_receiver(backend, settings)
        await serve(
            backend,
            settings,
            host=options.host,
            port=options.port,
            hosts=options.allow_host,
            origins=options.allow_origin,
            no_auth=options.no_auth,
            announce=lambda text: print(f"mcp-handoff: {text}", file=sys.stderr),
            beside=lambda url: background_work(backend, settings, settings.public_url or url),
        )

    return run(open_backend(settings), settings, use)


def serve_over_stdio(_: argparse.Namespace, settings: Settings) -> int:
    async def serve(backend: Backend) -> None:
        gc.disable()  # what starting makes, stays: looking through it is a fifth of the start
        from mcp_handoff.mcp.server import HandoffServer
        from mcp_handoff.mcp.stdio import serve_stdio
        from mcp_handoff.mcp.toolbox import Toolbox

        server = HandoffServer(Toolbox(Desk(backend, settings), settings))
        gc.freeze()
        gc.enable()
        await agree_on_receiver(backend, settings)
        async with background_work(backend, settings, settings.public_url):
            await serve_stdio(server)

    if sys.stdin.isatty():
        print(_AT_A_TERMINAL, file=sys.stderr)
    return run(open_backend(settings, Checkout.at(Path.cwd())), settings, serve)


def dispatch(_: argparse.Namespace, settings: Settings) -> int:
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
