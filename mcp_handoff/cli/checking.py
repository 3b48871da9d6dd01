"""`mcp-handoff check`: what this is connected to, and whether it works."""

import argparse
import time
from collections.abc import Awaitable, Callable, Mapping

from mcp_handoff.backend import Remote
from mcp_handoff.builds import FindBuilds
from mcp_handoff.cli.running import run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import HandoffError, Unsupported
from mcp_handoff.projects import ListProjects
from mcp_handoff.suggestions import ListSuggestions
from mcp_handoff.text import one_line
from mcp_handoff.tickets import FindTickets
from mcp_handoff.tokens import names_of
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import describe_backend, open_backend


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_check)


def _check(_: argparse.Namespace, settings: Settings) -> int:
    backend = open_backend(settings)
    print(f"backend           {describe_backend(settings)}")
    print(f"project           {settings.project}, organization {settings.organization}")

    async def try_each(desk: Desk, visitor: Visitor) -> None:
        """Try each read and say how fast it was, or why not; raise what find_tickets raises."""
        if isinstance(backend, Remote):
            print(f"as                {await _describe_identity(backend)}")
        reads: Mapping[str, Callable[[], Awaitable[object]]] = {
            "list_projects": lambda: desk.list_projects(visitor, Arguments(ListProjects)),
            "list_suggestions": lambda: desk.list_suggestions(visitor, Arguments(ListSuggestions)),
            "find_builds": lambda: desk.find_builds(visitor, Arguments(FindBuilds)),
        }
        for name, read in reads.items():
            try:
                print(f"{name:16}  works, {await _milliseconds(read()):.1f} ms")
            except HandoffError as error:
                print(f"{name:16}  no: {one_line(error.message)}")
        found = desk.find_tickets(visitor, Arguments(FindTickets, {"limit": 1}))
        print(f"find_tickets      works, {await _milliseconds(found):.1f} ms")

    return run_at_desk(backend, settings, try_each)


async def _describe_identity(backend: Remote) -> str:
    try:
        identity = await backend.whoami()
    except Unsupported as error:
        return one_line(f"unknown: {error.message}")
    return one_line(f"{identity.name}, {identity.role}, {names_of(identity.projects)}")


async def _milliseconds(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return (time.perf_counter() - begun) * 1000
