"""`mcp-handoff project`: start, list and change their policies."""

import argparse

from mcp_handoff.cli.running import line_of, run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.projects import ChangeProject, CreateProject, ListProjects
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import open_backend, open_store

_SWITCH = ("on", "off")

_POLICIES = {
    "auto_close": "execute at once what a linked repository's merge proposes",
    "require_proof": "execute only what a forge or git has seen, and whose checks have not failed",
    "four_eyes": "have a suggestion executed by somebody else than who made it",
}


def add_command(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser("create", help="create a project")
    create.add_argument("name", metavar="NAME", help="what people call it")
    create.add_argument("--slug", help="part of every reference, HO-1-SLUG (default: from NAME)")
    create.set_defaults(run=_create_project)
    change = commands.add_parser("set", help="change a project's policies")
    change.add_argument("slug", metavar="SLUG", help="one of project list")
    for policy, meaning in _POLICIES.items():
        change.add_argument(f"--{policy.replace('_', '-')}", choices=_SWITCH, help=meaning)
    change.set_defaults(run=_change_project)
    listing = commands.add_parser("list", help="list the projects")
    listing.set_defaults(run=_list_projects)


def _create_project(options: argparse.Namespace, settings: Settings) -> int:
    arguments = Arguments(CreateProject, {"name": options.name, "slug": options.slug})

    async def create(desk: Desk, visitor: Visitor) -> None:
        project = (await desk.create_project(visitor, arguments)).project
        print(line_of(project.slug, project.id, project.name))

    return run_at_desk(open_backend(settings), settings, create)


def _change_project(options: argparse.Namespace, settings: Settings) -> int:
    given = {name: getattr(options, name) for name in _POLICIES}
    sent = {name: value == "on" for name, value in given.items() if value}
    arguments = Arguments(ChangeProject, {"project": options.slug, **sent})

    async def change(desk: Desk, visitor: Visitor) -> None:
        project = (await desk.change_project(visitor, arguments)).project
        states = {name: getattr(project, name) for name in _POLICIES}
        print(line_of(project.slug, *(f"{name} {_SWITCH[not on]}" for name, on in states.items())))

    return run_at_desk(open_store(settings), settings, change)


def _list_projects(_: argparse.Namespace, settings: Settings) -> int:
    async def show(desk: Desk, visitor: Visitor) -> None:
        cursor: str | None = None
        while True:
            page = await desk.list_projects(visitor, Arguments(ListProjects, {"cursor": cursor}))
            for project in page.projects:
                print(line_of(project.slug, project.id, project.name))
            if (cursor := page.next_cursor) is None:
                return

    return run_at_desk(open_backend(settings, migrates=False), settings, show)
