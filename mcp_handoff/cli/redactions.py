"""`mcp-handoff redact`: take a text out of a ticket, wherever it stands."""

import argparse
import re
import signal
import sys
from getpass import getpass

from mcp_handoff.cli.running import counted, line_of, run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import Misconfigured
from mcp_handoff.redactions import LONGEST, RedactTicket
from mcp_handoff.text.characters import listed
from mcp_handoff.validation import Arguments
from mcp_handoff.whole_files import shown
from mcp_handoff.wiring import copies_of_store, open_backend

_MOST_BYTES = 4 * LONGEST

_NOT_ERASED = (
    "the database's files may hold what was there before for a while: docs/redaction.md says how"
    " long, and what ends it"
)


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Take a text out of a ticket, its messages, history, search index, kept results and what is"
        " to be sent. The text is asked for, or read from stdin as a whole: on a command line it"
        " would stay in the shell's history."
    )
    parser.add_argument(
        "ticket", type=_ticket, metavar="TICKET", help="a number, a reference or an id"
    )
    parser.add_argument("--project", metavar="SLUG", help="default: the reference's, else your own")
    parser.set_defaults(run=_redact)


def _ticket(name: str) -> str:
    """Return a ticket's name; HO-12, as people write it, is the number in their project."""
    return re.sub(r"^HO-(\d+)$", r"\1", name, flags=re.IGNORECASE)


def _redact(options: argparse.Namespace, settings: Settings) -> int:
    sent = {"ticket": options.ticket, "project": options.project, "text": _read_text()}
    arguments = Arguments(RedactTicket, sent)

    async def redact(desk: Desk, visitor: Visitor) -> None:
        redacted = await desk.redact_ticket(visitor, arguments)
        print(line_of(redacted.ticket, f"{counted(redacted.places, 'place')} redacted"))
        if redacted.stays_in:
            print(f"it stays in {listed(redacted.stays_in)}: names are kept", file=sys.stderr)
        if not redacted.erased:
            print(_NOT_ERASED, file=sys.stderr)
        if copies := [shown(copy) for copy in copies_of_store(settings)]:
            print(f"{listed(copies)} may still hold it, from before an upgrade", file=sys.stderr)

    return run_at_desk(open_backend(settings), settings, redact)


def _read_text() -> str:
    if sys.stdin.isatty():
        # Ctrl-C leaves through here, so that the terminal shows what is typed again.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return getpass("Text to redact (not shown): ")
    text = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise Misconfigured(f"text must have at most {LONGEST} characters.")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise Misconfigured("The text on stdin is not UTF-8.") from None
