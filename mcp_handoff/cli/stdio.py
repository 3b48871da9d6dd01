"""`mcp-handoff` without a command: MCP on stdin and stdout."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from mcp_handoff.backend import Backend
from mcp_handoff.checkout import Checkout
from mcp_handoff.cli.running import complain, run, run_async
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk
from mcp_handoff.errors import HandoffError
from mcp_handoff.wiring import agree_on_receiver, background_work, open_backend

_AT_A_TERMINAL = (
    "mcp-handoff: waiting for an MCP client on stdin (Ctrl-C ends it). To look around:"
    " mcp-handoff demo, mcp-handoff --help."
)


def serve_over_stdio(options: argparse.Namespace, settings: Settings) -> int:
    from mcp_handoff.mcp.first_answers import open_wire

    if options.opened is None and sys.stdin.isatty():
        print(_AT_A_TERMINAL, file=sys.stderr)
    wire, first = options.opened or open_wire()

    with ThreadPoolExecutor(1) as pool:  # the disk need not be waited for while the rest loads
        opening = pool.submit(open_backend, settings, Checkout.at(Path.cwd()))
        from mcp_handoff.mcp.stdio import refuse_stdio, serve_stdio
        from mcp_handoff.mcp.toolbox import Toolbox

    async def serve(backend: Backend) -> None:
        toolbox = Toolbox(Desk(backend, settings), settings)
        await agree_on_receiver(backend, settings)
        async with background_work(backend, settings, settings.public_url):
            await serve_stdio(toolbox, wire, first)

    try:
        return run(opening.result(), settings, serve)
    except HandoffError as error:
        # The client may have been answered already: now it hears why nothing can be done.
        status = complain(error)
        run_async(partial(refuse_stdio, wire, first, error))
        return status
