"""`mcp-handoff check`: what this is connected to, how it is set up and whether it works. It makes
and changes nothing."""

import argparse
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from mcp_handoff import __version__
from mcp_handoff.addresses import server_of
from mcp_handoff.backend import Backend, Remote, Store
from mcp_handoff.builds import FindBuilds
from mcp_handoff.cli.running import run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import HandoffError, Misconfigured, Unsupported
from mcp_handoff.projects import ListProjects, Project, is_id
from mcp_handoff.receivers import GetReceiver, require_same
from mcp_handoff.repositories import ListRepositories
from mcp_handoff.store.migrations import SchemaState
from mcp_handoff.suggestions import ListSuggestions
from mcp_handoff.text.characters import listed, one_line
from mcp_handoff.tickets import FindTickets
from mcp_handoff.tokens import names_of
from mcp_handoff.validation import Arguments
from mcp_handoff.webhooks import ListWebhooks
from mcp_handoff.wiring import describe_backend, look_at_schema, open_backend

_SWITCH = {True: "on", False: "off", None: "unknown"}

_NAMED = 10
"""How many projects are named where one is not there."""


@dataclass(slots=True)
class Report:
    """What was found; what can't be asked here is None, and `problems` make a check fail.

    `acts_as` is whom an API takes us for, `dispatcher` who is told of builds, `repositories` are
    those that tell of merges in the project, and `reads` how many milliseconds each read took, or
    why it failed.
    """

    version: str
    backend: str
    organization: str
    project: str
    schema: SchemaState | None = None
    project_exists: bool | None = None
    acts_as: str | None = None
    pending_dispatches: int | None = None
    dispatcher: str | None = None
    webhooks: int | None = None
    repositories: int | None = None
    require_proof: bool | None = None
    four_eyes: bool | None = None
    reads: dict[str, float | str] = field(default_factory=dict[str, float | str])
    problems: list[str] = field(default_factory=list[str])


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace, settings: Settings) -> int:
    report = Report(
        version=__version__,
        backend=describe_backend(settings),
        organization=settings.organization,
        project=settings.project,
    )
    try:
        _look(report, settings)
    except HandoffError as error:
        report.problems.append(error.message)
    lines = _lines(report, settings)
    print(json.dumps(asdict(report), indent=2) if options.json else "\n".join(lines))
    for problem in report.problems:
        print(f"mcp-handoff: {one_line(problem)}", file=sys.stderr)
    return 1 if report.problems else 0


def _look(report: Report, settings: Settings) -> None:
    """Find out what can be found without changing anything."""
    report.schema = schema = look_at_schema(settings)
    if schema is None or schema.is_current:
        backend = open_backend(settings, migrates=False)

        async def fill(desk: Desk, visitor: Visitor) -> None:
            await _fill(report, backend, desk, visitor, settings)

        run_at_desk(backend, replace(settings, read_only=True), fill)
    elif schema.version == 0:
        _note_absence(report, settings, [])


async def _fill(
    report: Report, backend: Backend, desk: Desk, visitor: Visitor, settings: Settings
) -> None:
    """Find out what can be asked of a backend."""
    if isinstance(backend, Remote):
        report.acts_as = await _identity(backend)
    await _try_reads(report, desk, visitor)
    project = None
    if isinstance(report.reads["list_projects"], float):
        project = await _find_project(report, desk, visitor, settings)
    if isinstance(backend, Store):
        await _look_at_store(report, backend, desk, visitor, settings)
        await _look_at_proof(report, desk, visitor, settings, project)


async def _identity(backend: Remote) -> str:
    try:
        identity = await backend.whoami()
    except Unsupported as error:
        return f"unknown: {error.message}"
    return f"{identity.name}, {identity.role}, {names_of(identity.projects)}"


async def _try_reads(report: Report, desk: Desk, visitor: Visitor) -> None:
    """Try each read; an API may lack all but that of tickets."""
    reads: Mapping[str, Callable[[], Awaitable[object]]] = {
        "list_projects": lambda: desk.list_projects(visitor, Arguments(ListProjects)),
        "list_suggestions": lambda: desk.list_suggestions(visitor, Arguments(ListSuggestions)),
        "find_builds": lambda: desk.find_builds(visitor, Arguments(FindBuilds)),
        "find_tickets": lambda: desk.find_tickets(visitor, Arguments(FindTickets, {"limit": 1})),
    }
    for name, read in reads.items():
        begun = time.perf_counter()
        try:
            await read()
        except HandoffError as error:
            report.reads[name] = error.message
            if name == "find_tickets":
                report.problems.append(error.message)
        else:
            report.reads[name] = round((time.perf_counter() - begun) * 1000, 1)


async def _find_project(
    report: Report, desk: Desk, visitor: Visitor, settings: Settings
) -> Project | None:
    """Look for the project; an API may tell no slugs, and then it is not known whether there is
    one."""
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await desk.list_projects(visitor, Arguments(ListProjects, {"cursor": cursor}))
        for project in page.projects:
            if settings.project in (project.slug, project.id):
                report.project_exists = True
                return project
            if project.slug is None:
                return None
            seen.append(project.slug)
        if (cursor := page.next_cursor) is None:
            _note_absence(report, settings, seen)
            return None


def _note_absence(report: Report, settings: Settings, projects: Sequence[str]) -> None:
    """Note that the project is not among these; one that the environment names has to be."""
    report.project_exists = False
    if settings.names_project:
        more = [f"{len(projects) - _NAMED} more"] if len(projects) > _NAMED else []
        there = f"there are {listed([*projects[:_NAMED], *more])}" if projects else "there is none"
        start = f" To create it: mcp-handoff project create {settings.project}"
        report.problems.append(
            f"There is no project {settings.project} (HANDOFF_PROJECT); {there}."
            f"{'' if is_id(settings.project) else start}"
        )


async def _look_at_store(
    report: Report, store: Store, desk: Desk, visitor: Visitor, settings: Settings
) -> None:
    """Find out whom a store tells what, and what waits for it."""
    url, secret = settings.dispatch_url, settings.dispatch_secret
    receiver = (await desk.get_receiver(visitor, Arguments(GetReceiver))).receiver
    try:
        require_same(receiver, url, secret)
    except Misconfigured as error:
        report.problems.append(error.message)
    report.dispatcher = receiver.origin if receiver else url and server_of(url)
    report.pending_dispatches = await store.count_dispatches()
    report.webhooks = len((await desk.list_webhooks(visitor, Arguments(ListWebhooks))).webhooks)


async def _look_at_proof(
    report: Report, desk: Desk, visitor: Visitor, settings: Settings, project: Project | None
) -> None:
    """Find out what is asked of suggestions in the project, and how many repositories tell of its
    merges."""
    linked = (await desk.list_repositories(visitor, Arguments(ListRepositories))).repositories
    report.repositories = sum(one.project == project.slug for one in linked) if project else 0
    asked = [settings.policy, *([project] if project else [])]
    report.require_proof = any(one.require_proof for one in asked)
    report.four_eyes = any(one.four_eyes for one in asked)


def _lines(report: Report, settings: Settings) -> Iterator[str]:
    """Yield a report as a person reads it."""
    absence = "" if report.project_exists is not False else "; does not exist"
    if absence and not settings.names_project:
        absence += " yet, its first ticket creates it"
    proof, eyes = _SWITCH[report.require_proof], _SWITCH[report.four_eyes]
    told = {
        "version": report.version,
        "backend": report.backend,
        "schema": report.schema and _told_schema(report.schema),
        "project": f"{report.project}, organization {report.organization}{absence}",
        "as": report.acts_as,
        **{name: _told_read(outcome) for name, outcome in report.reads.items()},
    }
    if report.webhooks is not None:
        told |= {
            "dispatches": f"{report.pending_dispatches} pending; of builds"
            f" {report.dispatcher or 'nobody'} is told (BUILD_DISPATCH_URL)",
            "webhooks": f"{report.webhooks} (mcp-handoff webhook add)",
            "proof": f"repositories linked: {report.repositories} (mcp-handoff repo link),"
            f" require_proof {proof}, four_eyes {eyes}",
        }
    for name, text in told.items():
        if text is not None:
            yield f"{name:16}  {one_line(text)}"


def _told_schema(schema: SchemaState) -> str:
    journal = f", journal mode {schema.journal_mode}" if schema.journal_mode else ""
    if schema.version == 0:
        return f"none yet; the first write creates it ({schema.newest})"
    if schema.version < schema.newest:
        return (
            f"{schema.version}{journal}; mcp-handoff serve, or a client over stdio, brings it to"
            f" {schema.newest}"
        )
    if schema.version > schema.newest:
        return f"{schema.version}{journal}; a newer one, which this one ({schema.newest}) can use"
    return f"{schema.version}{journal}"


def _told_read(outcome: float | str) -> str:
    return f"no: {outcome}" if isinstance(outcome, str) else f"works, {outcome:.1f} ms"
