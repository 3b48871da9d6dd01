"""`mcp-handoff repo`: link repositories to projects, list and unlink them."""

import argparse
import sys
from typing import get_args

from mcp_handoff.cli.running import line_of, run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import NotFound
from mcp_handoff.merges import ForgeName
from mcp_handoff.repositories import (
    LinkRepository,
    ListRepositories,
    Repository,
    UnlinkRepository,
)
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import open_store

_FORGES = get_args(ForgeName)

_EVENTS = {
    "github": "content type application/json; pushes, pull requests, and as far as you want to see"
    " them check suites, statuses and deployment statuses",
    "gitlab": "push, merge request, pipeline and deployment events; the secret is its token",
    "forgejo": "push, pull request, status, workflow and action run events",
}
"""What a repository's webhook has to be set to."""


def add_command(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    link = commands.add_parser("link", help="link a repository; its secret is shown once")
    link.add_argument("name", metavar="OWNER/NAME", help="as its forge calls it")
    link.add_argument("--project", metavar="SLUG", help="default: HANDOFF_PROJECT")
    link.add_argument("--forge", choices=_FORGES, default="github", help="default: github")
    link.set_defaults(run=_link)
    commands.add_parser("list", help="list the linked repositories").set_defaults(run=_list)
    unlink = commands.add_parser(
        "unlink", help="take no more deliveries of a repository, and forget what its forge told"
    )
    unlink.add_argument("name", metavar="OWNER/NAME", help="as its forge calls it")
    unlink.add_argument("--forge", choices=_FORGES, default="github", help="default: github")
    unlink.set_defaults(run=_unlink)


def _link(options: argparse.Namespace, settings: Settings) -> int:
    sent = {"name": options.name, "forge": options.forge, "project": options.project}

    async def link(desk: Desk, visitor: Visitor) -> None:
        linked = await desk.link_repository(visitor, Arguments(LinkRepository, sent))
        server = (settings.public_url or "https://your-server").rstrip("/")
        print(
            f"{_described(linked.repository)}; add a webhook to it: {server}/api/hooks/"
            f"{options.forge}, {_EVENTS[options.forge]}. This is its secret, shown once:",
            file=sys.stderr,
        )
        print(linked.secret)

    return run_at_desk(open_store(settings), settings, link)


def _list(_: argparse.Namespace, settings: Settings) -> int:
    async def show(desk: Desk, visitor: Visitor) -> None:
        listed = await desk.list_repositories(visitor, Arguments(ListRepositories))
        for repository in listed.repositories:
            heard = repository.last_delivery_at or "never"
            print(f"{_described(repository)}  last delivery {heard}")

    return run_at_desk(open_store(settings, migrates=False), settings, show)


def _unlink(options: argparse.Namespace, settings: Settings) -> int:
    async def unlink(desk: Desk, visitor: Visitor) -> None:
        listed = await desk.list_repositories(visitor, Arguments(ListRepositories))
        for repository in listed.repositories:
            named = repository.name.casefold() == options.name.casefold()
            if named and repository.forge == options.forge:
                sent = {"repository_id": repository.id}
                await desk.unlink_repository(visitor, Arguments(UnlinkRepository, sent))
                print(_described(repository))
                return
        raise NotFound(f"{options.name} on {options.forge} is not linked; mcp-handoff repo list.")

    return run_at_desk(open_store(settings), settings, unlink)


def _described(repository: Repository) -> str:
    return line_of(repository.name, repository.forge, repository.project, repository.id)
