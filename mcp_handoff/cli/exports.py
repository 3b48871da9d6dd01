"""`mcp-handoff export`: write all that is in a store down as lines of JSON."""

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from mcp_handoff.backend import Store
from mcp_handoff.cli.progress import shown_progress
from mcp_handoff.cli.running import use_and_close
from mcp_handoff.config import Settings
from mcp_handoff.whole_files import disk_failures_told, shown, whole_file
from mcp_handoff.wiring import open_store


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="where it goes (default: -, stdout)"
    )
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace, settings: Settings) -> int:
    file = None if options.file == "-" else Path(options.file).absolute()

    async def export(store: Store) -> None:
        with ExitStack() as opened:
            write = _writing_into(file, opened)
            rows = await store.export_archive(write, opened.enter_context(shown_progress()))
        if file is not None:
            print(f"{file} holds all {rows} rows")

    store = open_store(replace(settings, read_only=True), migrates=False)
    with disk_failures_told(f"{shown(file) if file else 'stdout'} can't be written"):
        return use_and_close(store, export)


def _writing_into(file: Path | None, opened: ExitStack) -> Callable[[str], object]:
    """Return what writes into a file, which is there once all is in it, or to stdout."""
    if file is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # pyright: ignore
        opened.callback(sys.stdout.flush)
        return sys.stdout.write
    place = opened.enter_context(whole_file(file))
    return opened.enter_context(place.open("w", encoding="utf-8", newline="\n")).write
