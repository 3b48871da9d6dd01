"""The command line: what there is to be run. What runs it is loaded once it is known."""

import argparse
import errno
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from mcp_handoff import __version__
from mcp_handoff.variables import VARIABLES

if TYPE_CHECKING:
    from mcp_handoff.mcp.first_answers import OpenWire

_LEFT = 22
"""Where the column begins that tells what a variable means."""

_UNWRITABLE = (
    "mcp-handoff: stdout can't be written: {why}. What the command did stays done; a secret that it"
    " could not show can only be replaced.\n"
)

_OF_WRITING = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""How it fails to write what is open; a failure to open a file has a name."""


class Command(NamedTuple):
    """A command, and the module beside this one whose `add_command` adds what it takes."""

    help: str
    module: str


COMMANDS: Mapping[str, Command] = {
    "demo": Command("play a ticket's whole story on a throw-away store", "demonstration"),
    "install": Command("write this server into the settings of a client", "installing"),
    "check": Command("show what this is connected to and whether it works", "checking"),
    "inbox": Command("show an agent what waits for it, as a session begins", "inbox"),
    "serve": Command("serve MCP and REST over HTTP", "serving"),
    "project": Command("create, list and change projects", "projects"),
    "token": Command("make, list, rotate and revoke tokens", "tokens"),
    "repo": Command("link repositories to projects", "repositories"),
    "webhook": Command("notify other programs of what happens", "webhooks"),
    "receiver": Command("set and show who is notified of triggered builds", "receivers"),
    "merged": Command("propose to close the tickets that a merge finishes", "merges"),
    "dispatch": Command("send the dispatches that are due, once", "dispatching"),
    "backup": Command("copy the store into a file while it is used", "backups"),
    "restore": Command("make the store from a backup, where there is none", "restoring"),
    "export": Command("write everything in the store as lines of JSON", "exports"),
    "import": Command("read in what was exported, here or by another tracker", "imports"),
    "redact": Command("remove a text from a ticket, wherever it occurs", "redactions"),
    "prune": Command("delete tickets that were closed long ago", "pruning"),
}


def main(arguments: Sequence[str] | None = None, opened: "OpenWire | None" = None) -> int:
    """Run a command; return 0, 1 when it failed, 2 when it was used wrongly. `opened` is the wire
    of a client that is being answered already."""
    if sys.__stdout__ is None:  # it was closed: its number is for no other file, and writing fails
        os.dup2(os.open(os.devnull, os.O_RDONLY), 1)
        sys.stdout = os.fdopen(1, "w")
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments, opened)
        finally:
            sys.stdout.flush()  # while its failure can still be caught
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_WRITING:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left
        if not isinstance(error, BrokenPipeError):  # or whoever read it has gone, such as head
            sys.stderr.write(_UNWRITABLE.format(why=error.strerror))
        return 1


def _run(arguments: Sequence[str], opened: "OpenWire | None") -> int:
    options = parser_of(arguments[:1]).parse_args(arguments, argparse.Namespace(opened=opened))
    from mcp_handoff.cli.running import complain, write_log
    from mcp_handoff.config import read_settings
    from mcp_handoff.errors import HandoffError

    try:
        settings = read_settings()
        write_log(settings.log_level)
        if "run" not in options:
            from mcp_handoff.cli.stdio import serve_over_stdio

            return serve_over_stdio(options, settings)
        return options.run(options, settings)
    except HandoffError as error:
        return complain(error)


class _Parser(argparse.ArgumentParser):
    """Tells the environment only when it is asked for help, and wrong use in one line."""

    def format_help(self) -> str:
        if self.prog == "mcp-handoff":
            self.epilog = _told_environment()
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        from mcp_handoff.text.characters import one_line

        self.exit(2, f"{self.prog}: {one_line(message)} ({self.prog} --help)\n")


def _told_environment() -> str:
    from textwrap import fill

    lines = ["Without a command it serves MCP on stdin and stdout.", "", "environment:"]
    for name, one in VARIABLES.items():
        told = f"{one.meaning} (default: {one.default or one.otherwise})"
        indent = " " * _LEFT
        text = fill(told, 80, initial_indent=indent, subsequent_indent=indent)
        left = f"  {name}".ljust(_LEFT)
        lines += [left + text[_LEFT:]] if left.endswith(" ") else [left, text]
    return "\n".join(lines)


def parser_of(chosen: Collection[str]) -> argparse.ArgumentParser:
    """Return the parser of all commands, which knows what the chosen ones take."""
    parser = _Parser(
        prog="mcp-handoff",
        description="The desk where AI agents and people hand work to one another.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mcp-handoff {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        sentence = f"{command.help[0].upper()}{command.help[1:]}."
        of_command = commands.add_parser(name, help=command.help, description=sentence)
        if name in chosen:
            import_module(f"mcp_handoff.cli.{command.module}").add_command(of_command)
    return parser
