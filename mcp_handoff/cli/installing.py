"""`mcp-handoff install`: write the entry of this server into the settings of a client."""

import argparse
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from mcp_handoff.addresses import is_secure, split_address
from mcp_handoff.clients.clients import CLIENTS, NAME, Client, Entry, Machine, Scope
from mcp_handoff.clients.documents import Unreadable
from mcp_handoff.clients.entries import Foreign, removed, written
from mcp_handoff.clients.files import ChangedMeanwhile, ClientFile
from mcp_handoff.config import Settings
from mcp_handoff.errors import AlreadyExists, HandoffError, Misconfigured
from mcp_handoff.near_names import nearest_argument
from mcp_handoff.text.characters import listed

PROGRAM = "mcp-handoff"

_NOTHING = ("", "{}\n")
"""What is left of a file that was made for the entry alone."""


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("client", metavar="CLIENT", help=f"one of {', '.join(CLIENTS)}")
    parser.add_argument(
        "--url",
        help="the address of a team's server, such as https://desk.example/mcp"
        " (default: a server that the client starts on this machine)",
    )
    parser.add_argument(
        "--scope",
        choices=get_args(Scope),
        default="user",
        help="for all your projects, or in the file of the project here (default: user)",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--remove", action="store_true", help="take the entry out again")
    instead.add_argument(
        "--print", action="store_true", help="print the entry on stdout and write nothing"
    )
    parser.set_defaults(run=_install)


def _install(options: argparse.Namespace, _: Settings) -> int:
    client = _client(options.client)
    file = _file(client, options.scope)
    if options.remove:
        done = _change(file, lambda text: removed(text, client))
        told = f"Removed {NAME} from" if done else f"Nothing to change: no {NAME} in"
        print(f"{told} {file}.")
        return 0
    entry = _entry(client, options.url, options.scope)
    if options.print:
        print(written("", client, entry), end="")
        return 0
    strange = options.scope == "user" and not file.parent.exists()
    done = _change(file, lambda text: written(text, client, entry))
    print(f"Wrote {NAME} into {file}." if done else f"Nothing to change: {NAME} is in {file}.")
    if strange:
        print(f"There was no {file.parent}: is {client.title} installed?")
    _tell_what_is_next(client, options)
    return 0


def _client(name: str) -> Client:
    if (client := CLIENTS.get(name)) is not None:
        return client
    meant = nearest_argument(name, CLIENTS)
    near = f" (did you mean {meant}?)" if meant else ""
    raise Misconfigured(f"There is no client {name!r}{near}; choose from {listed(list(CLIENTS))}.")


def _entry(client: Client, url: str | None, scope: Scope) -> Entry:
    command = _command(scope)
    if url is None:
        return client.local(command)
    if client.remote is None:
        raise Misconfigured(
            f"{client.title} takes no address in its file: add it there under Settings →"
            f" Connectors, or install the server without --url and give it HANDOFF_BACKEND and"
            f" HANDOFF_API_TOKEN in {client.variables} of its entry."
        )
    return client.remote(_address(url), command)


def _command(scope: Scope) -> Sequence[str]:
    """Return what starts this program: for a user the very one that runs, for clients that are no
    shells know no PATH; for a project its name, for others have it elsewhere."""
    if scope == "project":
        return [PROGRAM]
    if Path(sys.argv[0]).stem == PROGRAM:
        return [os.path.abspath(sys.argv[0])]
    return [sys.executable, "-m", "mcp_handoff"]


def _address(url: str) -> str:
    """Return the address of a server's /mcp, of that or of the server's own."""
    if set("?#") & set(url) or not is_secure(url):
        raise Misconfigured(
            "--url must be an https:// address without a password or a query in it (http:// for"
            " this machine only), such as https://desk.example/mcp."
        )
    address = url.rstrip("/")
    if not split_address(address).path:
        return f"{address}/mcp"
    if not address.endswith("/mcp"):
        raise Misconfigured("--url must end in /mcp, where the server has MCP.")
    return address


def _file(client: Client, scope: Scope) -> Path:
    if scope == "project":
        if client.project_file is None:
            raise Misconfigured(f"{client.title} has no file for a project; use --scope user.")
        file = _project() / client.project_file
    else:
        file = Path(client.user_file(Machine(sys.platform, Path.home(), os.environ)))
    with_comments = file.with_suffix(".jsonc")
    return with_comments if client.or_jsonc and with_comments.exists() else file


def _project() -> Path:
    """Return the checkout that this runs in, else the folder."""
    here = Path.cwd()
    return next((one for one in (here, *here.parents) if (one / ".git").exists()), here)


def _change(path: Path, change: Callable[[str], str]) -> bool:
    """Change what a client's file says, and tell whether it says something else now. A file with
    nothing left in it is deleted."""
    with _problems_of(path):
        file = ClientFile.read(path)
        changed = change(file.text)
        if changed == file.text:
            return False
        if changed in _NOTHING and not path.is_symlink():
            file.delete()
        else:
            file.replace(changed)
        return True


@contextmanager
def _problems_of(path: Path) -> Generator[None]:
    """Tell what is wrong with a file, and that nothing was changed."""
    try:
        yield
    except Foreign:
        raise AlreadyExists(
            f"In {path} {NAME} is the name of another server; rename it there, or remove it."
        ) from None
    except Unreadable as error:
        place = f"{path}, line {error.line}, column {error.column}"
        raise HandoffError(f"{place}: {error.why}. Nothing was changed.") from None
    except UnicodeDecodeError:
        raise HandoffError(f"{path} is not UTF-8. Nothing was changed.") from None
    except ChangedMeanwhile:
        raise HandoffError(f"{path} was changed by another program just now; try again.") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, until Python 3.13
        why = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise HandoffError(f"{path} can't be read or written: {why}.") from None


def _tell_what_is_next(client: Client, options: argparse.Namespace) -> None:
    if options.url is not None:
        print(client.needs)
    elif here := [name for name in sorted(os.environ) if name.startswith("HANDOFF_")]:
        print(
            f"Set in your environment: {listed(here)}. What {client.title} does not pass on to the"
            f" server belongs under {client.variables} of the entry."
        )
    print(client.then)
    if options.scope == "project" and client.in_project:
        print(client.in_project)
