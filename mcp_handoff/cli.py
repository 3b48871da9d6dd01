"""The commands."""

import argparse
import gc
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from mcp_handoff import __version__
from mcp_handoff.actors import Actor
from mcp_handoff.backend import Backend, Remote, Store
from mcp_handoff.builds import FindBuilds
from mcp_handoff.config import Settings, read_settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import HandoffError, Misconfigured, Unsupported, ValidationFailed
from mcp_handoff.masking import mask
from mcp_handoff.principals import ROLES
from mcp_handoff.projects import CreateProject, ListProjects
from mcp_handoff.receivers import NOBODY, GetReceiver, SetReceiver, ShownReceiver
from mcp_handoff.suggestions import ListSuggestions
from mcp_handoff.text import one_line, visible
from mcp_handoff.tickets import FindTickets
from mcp_handoff.tokens import CreateToken, ListTokens, RevokeToken, Token, names_of
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import (
    agree_on_receiver,
    background_work,
    claim_store,
    describe_backend,
    open_backend,
    open_dispatcher,
    open_store,
)

BackendT = TypeVar("BackendT", bound=Backend)

_AT_A_TERMINAL = (
    "mcp-handoff: waiting for an MCP client on stdin (Ctrl-C ends it). To look around:"
    " mcp-handoff demo, mcp-handoff --help."
)

_SHOWN_ONCE = (
    "this is shown once. From the first token on every server over this store asks for one."
)

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
  HANDOFF_RATE_LIMIT  calls a minute for each token (default: 600; 0 for no limit)
  HANDOFF_KEEP_KEYS_DAYS
                      how long an idempotency key keeps its result (default: 30)
  HANDOFF_OAUTH_ISSUER, HANDOFF_OAUTH_AUDIENCE
                      whose JSON web tokens are taken, and the address they are for
  HANDOFF_OAUTH_PROJECTS_CLAIM, HANDOFF_OAUTH_ROLE_CLAIM
                      where those tokens name projects and a role (default: nowhere)
  BUILD_DISPATCH_URL  the address that is told of triggered builds
  BUILD_DISPATCH_SECRET
                      whsec_..., signs what it is told and proves its reports
  HANDOFF_BUILD_TIMEOUT
                      hours after which a build that does not report has failed
                      (default: 24; 0 for never)
  HANDOFF_PUBLIC_URL  where builds reach this server to report (serve: its address)
  HANDOFF_TRUSTED_PROXIES
                      addresses and networks of the proxies in front of serve,
                      which say whom a request comes from (default: none)
  HANDOFF_LOG_LEVEL   DEBUG, INFO, WARNING or ERROR, on stderr (default: WARNING)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 1 when it failed, 2 when it was used wrongly."""
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


def _line(*fields: str | None) -> str:
    """Return others' words as columns of one line."""
    return "  ".join(one_line(str(field)) for field in fields)


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
    parser.set_defaults(run=_serve_stdio)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    demo = commands.add_parser("demo", help="show a ticket's whole story on a throw-away store")
    demo.set_defaults(run=_demo)
    check = commands.add_parser("check", help="say what this is connected to and whether it works")
    check.set_defaults(run=_check)
    dispatch = commands.add_parser("dispatch", help="send the dispatches that are due, once")
    dispatch.set_defaults(run=_dispatch)
    serve = commands.add_parser("serve", help="serve MCP and REST over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=_port, default=8484, help="port to listen on (8484)")
    serve.add_argument("--allow-host", action="append", default=[], metavar="HOST[:PORT]")
    serve.add_argument("--allow-origin", action="append", default=[], metavar="ORIGIN")
    serve.add_argument("--no-auth", action="store_true", help="ask nobody for a token")
    serve.set_defaults(run=_serve_http)
    _add_receiver_commands(commands.add_parser("receiver", help="who is told of triggered builds"))
    _add_token_commands(commands.add_parser("token", help="make, list and revoke tokens"))
    _add_project_commands(commands.add_parser("project", help="start and list projects"))
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 (any that is free) to 65535")
    return int(text)


def _add_project_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser("create", help="start a project")
    create.add_argument("name")
    create.add_argument("--slug", help="part of every reference, HO-1-SLUG (default: from NAME)")
    create.set_defaults(run=_create_project)
    listing = commands.add_parser("list", help="list the projects")
    listing.set_defaults(run=_list_projects)


def _add_receiver_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = commands.add_parser("show", help="say who is told")
    show.set_defaults(run=_show_receiver)
    change = commands.add_parser(
        "set", help="have BUILD_DISPATCH_URL told from now on, signed with BUILD_DISPATCH_SECRET"
    )
    change.set_defaults(run=_set_receiver)


def _add_token_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser("create", help="make a token; its secret is shown once")
    create.add_argument("name")
    create.add_argument("--role", required=True, choices=ROLES)
    create.add_argument("--project", action="append", default=[], metavar="SLUG")
    create.add_argument("--expires", type=int, metavar="DAYS")
    create.set_defaults(run=_create_token)
    commands.add_parser("list", help="list the tokens").set_defaults(run=_list_tokens)
    revoke = commands.add_parser("revoke", help="end a token")
    revoke.add_argument("token", metavar="NAME_OR_ID")
    revoke.set_defaults(run=_revoke_token)


def _serve_http(options: argparse.Namespace, settings: Settings) -> int:
    from mcp_handoff.http.serving import serve
    from mcp_handoff.logs import write_logs_as_json

    async def serve_over_http(backend: Backend) -> None:
        write_logs_as_json(settings.log_level)
        await agree_on_receiver(backend, settings)
        await serve(
            backend,
            settings,
            host=options.host,
            port=options.port,
            hosts=options.allow_host,
            origins=options.allow_origin,
            no_auth=options.no_auth,
            announce=lambda text: print(f"mcp-handoff: {text}", file=sys.stderr),
            beside=lambda url: background_work(backend, settings, settings.public_url or url),
        )

    return _run(open_backend(settings), settings, serve_over_http)


def _create_token(options: argparse.Namespace, settings: Settings) -> int:
    sent = {"name": options.name, "role": options.role, "projects": options.project}
    arguments = Arguments(CreateToken, {**sent, "expires_days": options.expires})

    async def create(desk: Desk, visitor: Visitor) -> None:
        created = await desk.create_token(visitor, arguments)
        print(created.secret)
        print(f"{_described(created.token)}; {_SHOWN_ONCE}", file=sys.stderr)

    return _run_at_desk(open_store(settings), settings, create)


def _list_tokens(_: argparse.Namespace, settings: Settings) -> int:
    async def show(desk: Desk, visitor: Visitor) -> None:
        listed = await desk.list_tokens(visitor, Arguments(ListTokens))
        for token in listed.tokens:
            print(_described(token))

    return _run_at_desk(open_store(settings), settings, show)


def _revoke_token(options: argparse.Namespace, settings: Settings) -> int:
    async def revoke(desk: Desk, visitor: Visitor) -> None:
        sent = Arguments(RevokeToken, {"token": options.token})
        print(_described((await desk.revoke_token(visitor, sent)).token))

    return _run_at_desk(open_store(settings), settings, revoke)


def _described(token: Token) -> str:
    state = "revoked" if token.revoked_at else f"expires {token.expires_at or 'never'}"
    by = [f"{event.kind.removeprefix('token.')} by {event.author}" for event in token.events]
    return _line(token.name, token.id, token.role, names_of(token.projects), state, *by)


def _show_receiver(_: argparse.Namespace, settings: Settings) -> int:
    async def show(desk: Desk, visitor: Visitor) -> None:
        print(_described_receiver(await desk.get_receiver(visitor, Arguments(GetReceiver))))

    return _run_at_desk(open_store(settings), settings, show)


def _set_receiver(_: argparse.Namespace, settings: Settings) -> int:
    if settings.dispatch_url is None:
        raise Misconfigured("There is nobody to tell: set BUILD_DISPATCH_URL.")
    sent = {"url": settings.dispatch_url, "secret": settings.dispatch_secret}

    async def change(desk: Desk, visitor: Visitor) -> None:
        print(_described_receiver(await desk.set_receiver(visitor, Arguments(SetReceiver, sent))))

    return _run_at_desk(open_store(settings), settings, change)


def _described_receiver(shown: ShownReceiver) -> str:
    receiver = shown.receiver
    if receiver is None:
        return NOBODY
    signed = "signed" if receiver.is_signed else "not signed"
    return f"{receiver.origin}  {signed}  set at {receiver.set_at}"


def _serve_stdio(_: argparse.Namespace, settings: Settings) -> int:
    async def serve(backend: Backend) -> None:
        gc.disable()  # what starting makes, stays: looking through it is a fifth of the start
        from mcp_handoff.mcp.server import HandoffServer
        from mcp_handoff.mcp.stdio import serve_stdio

        server = HandoffServer(Desk(backend, settings), settings)
        gc.freeze()
        gc.enable()
        await agree_on_receiver(backend, settings)
        async with background_work(backend, settings, settings.public_url):
            await serve_stdio(server)

    if sys.stdin.isatty():
        print(_AT_A_TERMINAL, file=sys.stderr)
    return _run(open_backend(settings), settings, serve)


def _demo(_: argparse.Namespace, __: Settings) -> int:
    from mcp_handoff.demo import tell_story

    return _run_async(tell_story)


def _dispatch(_: argparse.Namespace, settings: Settings) -> int:
    store = open_store(settings)
    dispatcher = open_dispatcher(store, settings, settings.public_url)
    if dispatcher is None:
        raise Misconfigured("There is nobody to tell: set BUILD_DISPATCH_URL.")

    async def send(_: Store) -> None:
        await agree_on_receiver(store, settings)
        attempts = await dispatcher.send_due()
        failed = [attempt for attempt in attempts if attempt.error]
        print(f"{len(attempts) - len(failed)} dispatched, {len(failed)} failed")

    return _run(store, settings, send)


def _check(_: argparse.Namespace, settings: Settings) -> int:
    backend = open_backend(settings)
    print(f"backend           {describe_backend(settings)}")
    print(f"project           {settings.project}, organization {settings.organization}")

    async def check(desk: Desk, visitor: Visitor) -> None:
        """Try each read and say how fast it was, or why not; raise what find_tickets raises."""
        if isinstance(backend, Remote):
            print(f"as                {await _describe_identity(backend)}")
        reads: Mapping[str, Callable[[], Awaitable[object]]] = {
            "list_projects": lambda: desk.list_projects(visitor, Arguments(ListProjects)),
            "list_suggestions": lambda: desk.list_suggestions(visitor, Arguments(ListSuggestions)),
            "find_builds": lambda: desk.find_builds(visitor, Arguments(FindBuilds)),
        }
        for name, read in reads.items():
            try:
                print(f"{name:16}  works, {await _milliseconds(read()):.1f} ms")
            except HandoffError as error:
                print(f"{name:16}  no: {one_line(error.message)}")
        found = desk.find_tickets(visitor, Arguments(FindTickets, {"limit": 1}))
        print(f"find_tickets      works, {await _milliseconds(found):.1f} ms")

    return _run_at_desk(backend, settings, check)


async def _describe_identity(backend: Remote) -> str:
    try:
        identity = await backend.whoami()
    except Unsupported as error:
        return one_line(f"unknown: {error.message}")
    return one_line(f"{identity.name}, {identity.role}, {names_of(identity.projects)}")


async def _milliseconds(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return (time.perf_counter() - begun) * 1000


def _create_project(options: argparse.Namespace, settings: Settings) -> int:
    arguments = Arguments(CreateProject, {"name": options.name, "slug": options.slug})

    async def create(desk: Desk, visitor: Visitor) -> None:
        project = (await desk.create_project(visitor, arguments)).project
        print(_line(project.slug, project.id, project.name))

    return _run_at_desk(open_backend(settings), settings, create)


def _list_projects(_: argparse.Namespace, settings: Settings) -> int:
    async def show(desk: Desk, visitor: Visitor) -> None:
        cursor: str | None = None
        while True:
            page = await desk.list_projects(visitor, Arguments(ListProjects, {"cursor": cursor}))
            for project in page.projects:
                print(_line(project.slug, project.id, project.name))
            if (cursor := page.next_cursor) is None:
                return

    return _run_at_desk(open_backend(settings), settings, show)


def _run_at_desk(
    backend: Backend, settings: Settings, use: Callable[[Desk, Visitor], Awaitable[None]]
) -> int:
    """Do what a person at this machine asks for; they may do everything."""
    visitor = Visitor("cli", Actor(role="user", source="cli", id=settings.actor_id))
    return _run(backend, settings, lambda _: use(Desk(backend, settings), visitor))


def _run(backend: BackendT, settings: Settings, use: Callable[[BackendT], Awaitable[None]]) -> int:
    async def use_and_close() -> None:
        try:
            if isinstance(backend, Store):
                await claim_store(backend, settings)
            await use(backend)
        finally:
            await backend.close()

    return _run_async(use_and_close)


def _run_async(work: Callable[[], Awaitable[None]]) -> int:
    import anyio

    # From here on Ctrl-C cancels the work, which then ends in good order.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    anyio.run(work)
    return 0
