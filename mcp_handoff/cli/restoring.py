"""`mcp-handoff restore`: make the store from a backup."""

import argparse

from mcp_handoff.cli.progress import shown_progress
from mcp_handoff.cli.running import end_work_on_ctrl_c, file_named
from mcp_handoff.config import Settings
from mcp_handoff.errors import Misconfigured
from mcp_handoff.wiring import file_of_store


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=file_named, metavar="FILE", help="a backup")
    parser.set_defaults(run=_restore)


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    if settings.read_only:
        raise Misconfigured("HANDOFF_READ_ONLY is set; unset it to make a store.")
    file = options.file.absolute()
    store = file_of_store(settings, "from", file)
    from mcp_handoff.sqlite.backups import restore

    end_work_on_ctrl_c()
    with shown_progress() as progress:
        restore(file, store, progress)
    print(f"{store} is a whole copy of {file}, {store.stat().st_size} bytes")
    return 0
