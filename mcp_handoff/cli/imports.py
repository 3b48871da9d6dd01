"""`mcp-handoff import`: take in what was exported."""

import argparse
from pathlib import Path

from mcp_handoff.archive_files import ArchiveFile
from mcp_handoff.archives import Outcome
from mcp_handoff.backend import Store
from mcp_handoff.cli.progress import shown_progress
from mcp_handoff.cli.running import use_and_close
from mcp_handoff.config import Settings
from mcp_handoff.errors import HandoffError
from mcp_handoff.text import listed, one_line
from mcp_handoff.wiring import open_store


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what was exported")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be imported, and what does not fit"
    )
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace, settings: Settings) -> int:
    archive = ArchiveFile(options.file.absolute())

    async def take_in(store: Store) -> None:
        with shown_progress() as progress:
            outcome = await store.import_archive(archive, progress, dry_run=options.dry_run)
        _tell(outcome, "would be imported" if options.dry_run else "imported")

    return use_and_close(open_store(settings), take_in)


def _tell(outcome: Outcome, done: str) -> None:
    """Say what was imported; raise an error where something does not fit."""
    for problem in outcome.problems:
        print(one_line(problem))
    if count := len(outcome.problems) + outcome.more_problems:
        more = f", of which {outcome.more_problems} are not listed" if outcome.more_problems else ""
        raise HandoffError(f"What does not fit: {count} of its lines{more}. Nothing was imported.")
    added = [f"{count} {words}" for words, count in outcome.added.items()]
    there = f"; {outcome.present} rows were there already" if outcome.present else ""
    print(f"{done}: {listed(added) or 'nothing'}{there}")
