"""The command line: what there is to be run. What runs it is loaded once it is known."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from mcp_handoff import __version__

if TYPE_CHECKING:
    from mcp_handoff.mcp.first_answers import OpenWire

ENVIRONMENT = """\
Without a command it serves MCP on stdin and stdout.

environment:
  HANDOFF_BACKEND     sqlite:////absolute/file or sqlite:///relative/file
                      (default: handoff.db in your data directory),
                      postgresql://user:password@host/database, or the
                      address of an API: https://host/api
  HANDOFF_API_TOKEN   the token for that API
  HANDOFF_BUILDS_API, HANDOFF_BUILDS_TOKEN
                      the builds API, where it stands elsewhere
                      (default: v1 under the API's address)
  HANDOFF_PROJECT     slug or id of the project (default: the git checkout's name)
  HANDOFF_ORG         slug of the organization (default: default)
  HANDOFF_ACTOR_ID    who acts (default: the client's name)
  HANDOFF_READ_ONLY   1 to only read
  HANDOFF_REQUIRE_PROOF
                      1 to close by suggestions alone whose merge a forge or git has seen
  HANDOFF_FOUR_EYES   1 to have suggestions executed by others than who made them
  HANDOFF_TAKE_MINUTES
                      how long a bot holds what it took after its last call
                      (default: 240; 0 for ever)
  HANDOFF_RATE_LIMIT  calls a minute for each token (default: 600; 0 for no limit)
  HANDOFF_KEEP_KEYS_DAYS
                      how long an idempotency key keeps its result (default: 30)
  HANDOFF_OAUTH_ISSUER, HANDOFF_OAUTH_AUDIENCE
                      whose JSON web tokens are taken, and the address they are for
  HANDOFF_OAUTH_PROJECTS_CLAIM, HANDOFF_OAUTH_ROLE_CLAIM
                      where those tokens name projects and a role (default: nowhere)
  HANDOFF_OAUTH_CLIENT_ID, HANDOFF_OAUTH_CLIENT_SECRET
                      this server at that issuer, where people sign in to the portal
  BUILD_DISPATCH_URL  the address that is told of triggered builds
  BUILD_DISPATCH_SECRET
                      whsec_..., signs what it is told and proves its reports
  HANDOFF_BUILD_TIMEOUT
                      hours after which a build that does not report has failed
                      (default: 24; 0 for never)
  HANDOFF_PUBLIC_URL  where builds reach this server to report (serve: its address)
  HANDOFF_WEBHOOK_NETWORKS
                      addresses and networks that webhooks may be in, beside public ones
                      (default: none)
  HANDOFF_TRUSTED_PROXIES
                      addresses and networks of the proxies in front of serve,
                      which say whom a request comes from (default: none)
  HANDOFF_LOG_LEVEL   DEBUG, INFO, WARNING or ERROR, on stderr (default: WARNING)
"""


class Command(NamedTuple):
    """A command, and the module beside this one whose `add_command` adds what it takes."""

    help: str
    module: str


COMMANDS: Mapping[str, Command] = {
    "demo": Command("show a ticket's whole story on a throw-away store", "demonstration"),
    "install": Command("write this server into the settings of a client", "installing"),
    "check": Command("say what this is connected to and whether it works", "checking"),
    "inbox": Command("show an agent what waits for it, as a session begins", "inbox"),
    "dispatch": Command("send the dispatches that are due, once", "dispatching"),
    "merged": Command("suggest to close what a merge finishes", "merges"),
    "serve": Command("serve MCP and REST over HTTP", "serving"),
    "receiver": Command("who is told of triggered builds", "receivers"),
    "token": Command("make, list and revoke tokens", "tokens"),
    "repo": Command("link repositories to projects", "repositories"),
    "webhook": Command("who is told what happens", "webhooks"),
    "project": Command("start, list and change projects", "projects"),
}


def main(arguments: Sequence[str] | None = None, opened: "OpenWire | None" = None) -> int:
    """Run a command; return 0, 1 when it failed, 2 when it was used wrongly. `opened` is the wire
    of a client that is being answered already."""
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments, opened)
        finally:
            sys.stdout.flush()  # while a broken pipe can still be caught
    except BrokenPipeError:
        # Whoever read the output has gone, such as head; what is left is written nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Sequence[str], opened: "OpenWire | None") -> int:
    options = _parser(arguments[:1]).parse_args(arguments, argparse.Namespace(opened=opened))
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


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of all commands, which knows what the chosen one takes."""
    parser = argparse.ArgumentParser(
        prog="mcp-handoff",
        description="The desk where AI agents and people hand work to one another.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mcp-handoff {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        of_command = commands.add_parser(name, help=command.help)
        if name in chosen:
            import_module(f"mcp_handoff.cli.{command.module}").add_command(of_command)
    return parser
