"""`mcp-handoff import`: take in what was exported."""

import argparse
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.archives.archive import Outcome
from mcp_handoff.archives.files import ArchiveFile
from mcp_handoff.backend import Store
from mcp_handoff.cli.progress import shown_progress
from mcp_handoff.cli.running import counted, file_named, use_and_close
from mcp_handoff.config import BackendAddress, Settings
from mcp_handoff.errors import HandoffError, Misconfigured, NotFound
from mcp_handoff.progress import Progress
from mcp_handoff.projects import slug_of
from mcp_handoff.text.characters import listed, one_line
from mcp_handoff.trackers.incoming import Tracker, checked
from mcp_handoff.whole_files import disk_failures_told, shown
from mcp_handoff.wiring import claim_store, open_store

_OURS = "handoff"

NAMED = 20
"""How many tickets are named that are otherwise in the other tracker; of more it is said how many.
"""


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=file_named, metavar="FILE", help="what was exported")
    parser.add_argument(
        "--format",
        choices=(_OURS, *get_args(Tracker)),
        default=_OURS,
        help="what wrote it: mcp-handoff export (the default), gh issue list --json or GitHub's"
        " REST API, Backlog.md (FILE is its folder), beads (issues.jsonl)",
    )
    parser.add_argument(
        "--project",
        metavar="SLUG",
        help="where tickets of another tracker go (default: HANDOFF_PROJECT)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be imported, and what does not fit"
    )
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace, settings: Settings) -> int:
    file = options.file.absolute()
    with disk_failures_told(f"{shown(file)} can't be read"):
        return _import_file(file, options, settings)


def _import_file(file: Path, options: argparse.Namespace, settings: Settings) -> int:
    if options.format == _OURS:
        if options.project:
            raise Misconfigured("An export of mcp-handoff brings its projects along: no --project.")
        archive = ArchiveFile(file)
        return _run(
            options,
            settings,
            lambda store, progress: store.import_archive(
                archive, progress, dry_run=options.dry_run
            ),
            "imported",
        )
    project = options.project or settings.project
    if project != slug_of(project):
        raise Misconfigured(f"--project: {project!r} is no slug, such as {slug_of(project)}.")
    reader = import_module(f"mcp_handoff.trackers.{options.format}")
    incoming = checked(options.format, reader.read(file))
    caller = Caller(
        Actor("user", "cli", settings.actor_id),
        project=project,
        organization=settings.organization,
    )

    async def import_tickets(store: Store, progress: Progress) -> Outcome:
        if not options.dry_run:
            await claim_store(store, settings)
        return await store.import_tickets(caller, incoming, progress, dry_run=options.dry_run)

    return _run(options, settings, import_tickets, f"imported into {project}")


def _run(
    options: argparse.Namespace,
    settings: Settings,
    take_in: Callable[[Store, Progress], Awaitable[Outcome]],
    done: str,
) -> int:
    async def import_and_tell(store: Store) -> None:
        with shown_progress() as progress:
            outcome = await take_in(store, progress)
        _tell(outcome, f"would be {done}" if options.dry_run else done)

    with ExitStack() as opened:
        store = _open_to_try(settings, opened) if options.dry_run else open_store(settings)
        return use_and_close(store, import_and_tell)


def _open_to_try(settings: Settings, opened: ExitStack) -> Store:
    """Open the store that a dry run tries in; where there is none yet, one that nobody keeps."""
    try:
        return open_store(settings, migrates=False)
    except NotFound:
        folder = opened.enter_context(TemporaryDirectory(prefix="mcp-handoff-"))
        passing = BackendAddress("sqlite", f"sqlite:///{folder}/handoff.db")
        return open_store(replace(settings, backend=passing, read_only=False))


def _tell(outcome: Outcome, done: str) -> None:
    """Say what was imported; raise an error where something does not fit."""
    for problem in outcome.problems:
        print(one_line(problem))
    if count := len(outcome.problems) + outcome.more_problems:
        unlisted = f" ({outcome.more_problems} are not listed)" if outcome.more_problems else ""
        things = "thing does" if count == 1 else "things do"
        raise HandoffError(f"{count} {things} not fit{unlisted}; nothing was imported.")
    added = [counted(count, kind.replace("_", " ")) for kind, count in outcome.added.items()]
    told = [f"{done}: {listed(added) or 'nothing'}"]
    if outcome.present:
        were = "was" if outcome.present == 1 else "were"
        told.append(f"{outcome.present} {were} there already")
    for how, references in outcome.differing.items():
        named, unnamed = references[:NAMED], len(references) - NAMED
        others = [f"{unnamed} more"] if unnamed > 0 else []
        are = "is" if len(references) == 1 else "are"
        told.append(f"{len(references)} of them {are} {how}: {listed([*named, *others])}")
    print("; ".join(told))
