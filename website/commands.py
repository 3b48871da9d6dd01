"""The page of the commands: what each says of itself with --help."""

import argparse
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import cast

from mcp_handoff.cli.commands import COMMANDS
from website.pages import code, put_together

_BEGIN = """\
# Commands

Without a command `mcp-handoff` serves MCP on stdin and stdout: that is how an editor starts it.
`mcp-handoff --help` lists what follows. Exit status: 0, 1 when it failed, 2 when it was used
wrongly.
"""


def page() -> str:
    """Return the page."""
    parts = [_BEGIN]
    for name, command in COMMANDS.items():
        parser = argparse.ArgumentParser(f"mcp-handoff {name}", formatter_class=_Formatter)
        import_module(f"mcp_handoff.cli.{command.module}").add_command(parser)
        parts += [f"## {name}", f"{command.help[0].upper()}{command.help[1:]}."]
        parts += [code(told.format_help()) for told in _with_its_commands(parser)]
    return put_together(parts)


class _Formatter(argparse.HelpFormatter):
    """Is as wide wherever the page is built."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=96)


def _with_its_commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parser of a command, or those of the commands that it has."""
    actions = parser._actions  # pyright: ignore[reportPrivateUsage] - there is no other way
    choices = [action.choices for action in actions if action.metavar == "COMMAND"]
    if not choices:
        yield parser
    for parsers in choices:
        for of_command in cast(Mapping[str, argparse.ArgumentParser], parsers).values():
            of_command.formatter_class = _Formatter
            yield of_command
