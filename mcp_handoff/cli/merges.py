"""`mcp-handoff merged`: a CI step or a git hook tells of a merge where no webhook does."""

import argparse
import re
import sys
from pathlib import Path

from mcp_handoff.checkout import Checkout
from mcp_handoff.cli.running import line_of, run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import Misconfigured, NotFound, TicketClosed
from mcp_handoff.references import reference
from mcp_handoff.suggestions import SHA_PATTERN, SuggestClose
from mcp_handoff.text.characters import shortened
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import open_backend

_MESSAGE_LENGTH = 100_000

_AT_A_TERMINAL = (
    "mcp-handoff: waiting for the commit's message on stdin (Ctrl-D ends it). From a checkout:"
    " git log -1 --format=%B | mcp-handoff merged --sha SHA"
)


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sha", required=True, type=_sha, help="the commit that is on the default branch now"
    )
    parser.add_argument(
        "--message-file",
        default="-",
        metavar="FILE",
        help="its message, and what else declares to close tickets (default: stdin)",
    )
    parser.add_argument("--repo", metavar="OWNER/NAME", help="the repository that the commit is in")
    parser.add_argument("--pr", type=int, metavar="NUMBER", help="its pull request, if it had one")
    parser.set_defaults(run=_tell)


def _sha(text: str) -> str:
    if not re.fullmatch(SHA_PATTERN, text):
        raise argparse.ArgumentTypeError("a commit's hash has 7 to 64 hexadecimal digits")
    return text


def _read(name: str) -> str:
    """Return a message from a file, or from stdin where that is called -."""
    if name == "-" and sys.stdin.isatty():
        print(_AT_A_TERMINAL, file=sys.stderr)
    try:
        source = sys.stdin.fileno() if name == "-" else name
        with open(source, encoding="utf-8", errors="replace") as file:
            return file.read(_MESSAGE_LENGTH)
    except OSError as error:
        raise Misconfigured(f"--message-file {name} can't be read: {error.strerror}.") from None


def _tell(options: argparse.Namespace, settings: Settings) -> int:
    from mcp_handoff.mentions import find_mentions

    message = _read(options.message_file)
    closed = [one for one in find_mentions(message) if one.closes]
    change = {"merge_sha": options.sha, "repo": options.repo, "pr_number": options.pr}
    all_there = True
    subject = shortened(message.strip().partition("\n")[0], 200)

    async def suggest(desk: Desk, visitor: Visitor) -> None:
        nonlocal all_there
        for mention in closed:
            name = reference(mention.number, mention.project or settings.project)
            sent = {"ticket": name, "evidence": {"merged": options.sha, "subject": subject}}
            arguments = Arguments(SuggestClose, {**sent, **change})
            try:
                suggested = await desk.suggest_close(visitor, arguments)
            except (NotFound, TicketClosed) as error:
                print(line_of(name, error.message), file=sys.stderr)
                all_there = all_there and not isinstance(error, NotFound)
                continue
            proof = suggested.suggestion.proof
            done = "suggested already" if suggested.deduplicated else "suggested"
            print(line_of(name, done, suggested.suggestion.id, proof and proof.state))
        if not closed:
            print("the message declares to close no ticket", file=sys.stderr)

    run_at_desk(open_backend(settings, Checkout.at(Path.cwd())), settings, suggest)
    return 0 if all_there else 1
