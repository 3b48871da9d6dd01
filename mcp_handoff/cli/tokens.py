"""`mcp-handoff token`: make, list, rotate and revoke."""

import argparse
import sys
from datetime import UTC, datetime

from mcp_handoff.cli.running import line_of, run_at_desk
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.principals import ROLES
from mcp_handoff.schema import timestamp
from mcp_handoff.tokens import (
    LONGEST_GRACE,
    CreateToken,
    ListTokens,
    RevokeToken,
    RotateToken,
    Token,
    names_of,
    state_of,
)
from mcp_handoff.validation import Arguments
from mcp_handoff.wiring import open_store

_SHOWN_ONCE = (
    "this is shown once. From the first token on every server over this store asks for one."
)


def add_command(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser("create", help="make a token; its secret is shown once")
    create.add_argument("name", metavar="NAME", help="whose it is, such as ci-bot")
    create.add_argument("--role", required=True, choices=ROLES, help="what it may do")
    create.add_argument(
        "--project",
        action="append",
        default=[],
        metavar="SLUG",
        help="a project that it sees, once for each (default: all)",
    )
    create.add_argument("--expires", type=int, metavar="DAYS", help="default: never")
    create.set_defaults(run=_create_token)
    commands.add_parser("list", help="list the tokens").set_defaults(run=_list_tokens)
    rotate = commands.add_parser("rotate", help="give a token another secret; it is shown once")
    rotate.add_argument("token", metavar="NAME_OR_ID", help="one of token list")
    rotate.add_argument(
        "--grace",
        type=int,
        default=0,
        metavar="MINUTES",
        help=f"how long the old secret works beside it (default: 0, at most {LONGEST_GRACE})",
    )
    rotate.set_defaults(run=_rotate_token)
    revoke = commands.add_parser("revoke", help="end a token")
    revoke.add_argument("token", metavar="NAME_OR_ID", help="one of token list")
    revoke.set_defaults(run=_revoke_token)


def _create_token(options: argparse.Namespace, settings: Settings) -> int:
    sent = {"name": options.name, "role": options.role, "projects": options.project}
    arguments = Arguments(CreateToken, {**sent, "expires_days": options.expires})

    async def create(desk: Desk, visitor: Visitor) -> None:
        created = await desk.create_token(visitor, arguments)
        print(created.secret)
        print(f"{_described(created.token)}; {_SHOWN_ONCE}", file=sys.stderr)

    return run_at_desk(open_store(settings), settings, create)


def _list_tokens(_: argparse.Namespace, settings: Settings) -> int:
    async def show(desk: Desk, visitor: Visitor) -> None:
        listed = await desk.list_tokens(visitor, Arguments(ListTokens))
        for token in listed.tokens:
            print(_described(token))

    return run_at_desk(open_store(settings, migrates=False), settings, show)


def _rotate_token(options: argparse.Namespace, settings: Settings) -> int:
    async def rotate(desk: Desk, visitor: Visitor) -> None:
        sent = {"token": options.token, "grace_minutes": options.grace}
        rotated = await desk.rotate_token(visitor, Arguments(RotateToken, sent))
        print(rotated.secret)
        until = rotated.token.old_secret_until
        ends = f"ends at {until}" if until else "has ended"
        told = f"this is shown once; the old secret {ends}"
        print(f"{_described(rotated.token)}; {told}", file=sys.stderr)

    return run_at_desk(open_store(settings), settings, rotate)


def _revoke_token(options: argparse.Namespace, settings: Settings) -> int:
    async def revoke(desk: Desk, visitor: Visitor) -> None:
        sent = Arguments(RevokeToken, {"token": options.token})
        print(_described((await desk.revoke_token(visitor, sent)).token))

    return run_at_desk(open_store(settings), settings, revoke)


def _described(token: Token) -> str:
    state = state_of(token, timestamp(datetime.now(UTC)))
    by = [f"{event.kind.removeprefix('token.')} by {event.author}" for event in token.events]
    return line_of(token.name, token.id, token.role, names_of(token.projects), state, *by)
