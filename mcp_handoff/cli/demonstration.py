"""`mcp-handoff demo`: a ticket's whole story on a throw-away store."""

import argparse

from mcp_handoff.cli.running import run_async
from mcp_handoff.config import Settings


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_demonstrate)


def _demonstrate(_: argparse.Namespace, __: Settings) -> int:
    from mcp_handoff.demo import tell_story

    return run_async(tell_story)
