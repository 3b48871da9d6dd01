"""The commands."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from mcp_handoff import __version__
from mcp_handoff.cli import (
    checking,
    merges,
    projects,
    receivers,
    repositories,
    serving,
    tokens,
    webhooks,
)
from mcp_handoff.cli.running import run_async
from mcp_handoff.config import Settings, read_settings
from mcp_handoff.errors import HandoffError, Misconfigured, ValidationFailed
from mcp_handoff.masking import mask
from mcp_handoff.text import one_line, visible

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 1 when it failed, 2 when it was used wrongly."""
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # while a broken pipe can still be caught
    except BrokenPipeError:
        # Whoever read the output has gone, such as head; what is left is written nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings()
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_LogFormatter("%(levelname)s %(name)s: %(message)s"))
        logging.basicConfig(level=settings.log_level, handlers=[handler])
        return options.run(options, settings)
    except HandoffError as error:
        print(f"mcp-handoff: {one_line(error.message)}", file=sys.stderr)
        return exit_status(error)


class _LogFormatter(logging.Formatter):
    """Masks what a record holds, and leaves out what steers a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(mask(super().format(record)))


def exit_status(error: HandoffError) -> int:
    """Return the status that the program ends with: 2 for wrong use, else 1."""
    return 2 if isinstance(error, Misconfigured | ValidationFailed) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mcp-handoff",
        description="The desk where AI agents and people hand work to one another.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mcp-handoff {__version__}")
    parser.set_defaults(run=serving.serve_over_stdio)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    demo = commands.add_parser("demo", help="show a ticket's whole story on a throw-away store")
    demo.set_defaults(run=_demo)
    check = commands.add_parser("check", help="say what this is connected to and whether it works")
    check.set_defaults(run=checking.check)
    dispatch = commands.add_parser("dispatch", help="send the dispatches that are due, once")
    dispatch.set_defaults(run=serving.dispatch)
    merges.add_command(commands.add_parser("merged", help="suggest to close what a merge finishes"))
    serve = commands.add_parser("serve", help="serve MCP and REST over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=serving.port, default=8484, help="port to listen on (8484)")
    serve.add_argument("--allow-host", action="append", default=[], metavar="HOST[:PORT]")
    serve.add_argument("--allow-origin", action="append", default=[], metavar="ORIGIN")
    serve.add_argument("--no-auth", action="store_true", help="ask nobody for a token")
    serve.set_defaults(run=serving.serve_over_http)
    receivers.add_commands(commands.add_parser("receiver", help="who is told of triggered builds"))
    tokens.add_commands(commands.add_parser("token", help="make, list and revoke tokens"))
    repositories.add_commands(commands.add_parser("repo", help="link repositories to projects"))
    webhooks.add_commands(commands.add_parser("webhook", help="who is told what happens"))
    projects.add_commands(commands.add_parser("project", help="start, list and change projects"))
    return parser


def _demo(_: argparse.Namespace, __: Settings) -> int:
    from mcp_handoff.demo import tell_story

    return run_async(tell_story)
