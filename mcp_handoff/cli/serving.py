"""`mcp-handoff serve`: MCP, REST and the portal over HTTP."""

import argparse
import re
import sys

from mcp_handoff.backend import Backend
from mcp_handoff.cli.running import run
from mcp_handoff.config import Settings
from mcp_handoff.wiring import agree_on_receiver, background_work, open_backend

_LAST_PORT = 65_535

_NAMED = r"(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)(?::(?P<port>\*|[0-9]{1,5}))?"
_HOST = re.compile(_NAMED, re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(rf"(?P<scheme>[a-z][a-z0-9+.-]*)://{_NAMED}", re.ASCII | re.IGNORECASE)
"""What the headers Host (RFC 9110, section 7.2) and Origin (RFC 6454, section 7) can be."""

_LEFT_OUT = {"http": ":80", "https": ":443"}
"""The ports that browsers leave out of an Origin (RFC 6454, section 6.2), by its scheme."""


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        type=_host,
        default="127.0.0.1",
        help="address to listen on, 0.0.0.0 for all (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=8484,
        help="port to listen on, 0 for any that is free (default: 8484)",
    )
    parser.add_argument(
        "--allow-host",
        type=_allowed_host,
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="a name by which it is reached, beside its own; once for each",
    )
    parser.add_argument(
        "--allow-origin",
        type=_allowed_origin,
        action="append",
        default=[],
        metavar="ORIGIN",
        help="whose pages may call it from a browser, beside its own; once for each",
    )
    parser.add_argument("--no-auth", action="store_true", help="let everybody in without a token")
    parser.set_defaults(run=_serve)


def _host(text: str) -> str:
    if not text:  # to a socket that would be all of them
        raise argparse.ArgumentTypeError("it is empty; 0.0.0.0 stands for all addresses")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError("a port is a number from 0 (any that is free) to 65535")
    return int(text)


def _allowed_host(text: str) -> str:
    """Return a Host header that is served, as browsers send it."""
    found = _matched(
        _HOST,
        text,
        "a host is a name or an address, an IPv6 one in brackets, with or without a port:"
        " desk.example, desk.example:8484, desk.example:* for any port",
    )
    return found[0].lower()


def _allowed_origin(text: str) -> str:
    """Return an Origin header that is served, as browsers send it."""
    found = _matched(
        _ORIGIN,
        text,
        "an origin is a scheme and a host, with or without a port, and has no path:"
        " https://app.example, http://localhost:3000, http://localhost:* for any port",
    )
    return found[0].lower().removesuffix(_LEFT_OUT.get(found["scheme"].lower(), ""))


def _matched(pattern: re.Pattern[str], text: str, wanted: str) -> re.Match[str]:
    """Return what a pattern finds in a value, whose port has to be one too; else it is wrong use,
    told by what is `wanted`."""
    found = pattern.fullmatch(text)
    if found is None or not (found["port"] in (None, "*") or 0 < int(found["port"]) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(wanted)
    return found


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from mcp_handoff.http.openings import Opening
    from mcp_handoff.http.serving import serve
    from mcp_handoff.logs import write_logs_as_json

    opening = Opening(
        options.host, options.port, options.allow_host, options.allow_origin, options.no_auth
    )

    async def use(backend: Backend) -> None:
        write_logs_as_json(settings.log_level)
        await agree_on_receiver(backend, settings)
        await serve(
            backend,
            settings,
            opening,
            announce=lambda text: print(f"mcp-handoff: {text}", file=sys.stderr),
            beside=lambda url: background_work(backend, settings, url),
        )

    return run(open_backend(settings), settings, use)
