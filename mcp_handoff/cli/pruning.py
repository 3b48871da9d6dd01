"""`mcp-handoff prune`: delete what has been closed for long."""

import argparse

from mcp_handoff.cli.progress import shown_progress
from mcp_handoff.cli.running import counted, line_of, run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.pruning import Prune
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import open_store


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Delete the tickets that were closed more than so many days ago, with their messages,"
        " suggestions, builds and history, and the idempotency keys that are older. Servers may run"
        " meanwhile. A backup is the only way back."
    )
    parser.add_argument(
        "--older-than", type=_days, required=True, metavar="DAYS", help="since they were closed"
    )
    parser.add_argument("--dry-run", action="store_true", help="count them, and delete nothing")
    parser.add_argument(
        "--project", metavar="SLUG", help="only of this project, and no keys (default: of all)"
    )
    parser.set_defaults(run=_prune)


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("it is a number of days, 1 or more")
    return int(text)


def _prune(options: argparse.Namespace, settings: Settings) -> int:
    sent = {"older_than_days": options.older_than, "project": options.project}
    arguments = Arguments(Prune, {**sent, "dry_run": options.dry_run})

    async def prune(desk: Desk, visitor: Visitor) -> None:
        with shown_progress() as progress:
            pruned = await desk.prune(visitor, arguments, progress)
        done = "would be pruned" if options.dry_run else "pruned"
        fields = [
            f"{counted(pruned.tickets, 'ticket')} closed before {pruned.before} {done}",
            counted(pruned.keys, "idempotency key"),
        ]
        if pruned.held:
            fields.append(f"{counted(pruned.held, 'ticket')} kept for open ones that were blocked")
        print(line_of(*fields))

    return run_at_desk(open_store(settings, migrates=not options.dry_run), settings, prune)
