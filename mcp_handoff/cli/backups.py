"""`mcp-handoff backup`: copy the store into a file."""

import argparse

from mcp_handoff.cli.progress import shown_progress
from mcp_handoff.cli.running import end_work_on_ctrl_c, file_named
from mcp_handoff.config import Settings
from mcp_handoff.wiring import file_of_store


def add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=file_named, metavar="FILE", help="a file that does not exist yet"
    )
    parser.set_defaults(run=_back_up)


def _back_up(options: argparse.Namespace, settings: Settings) -> int:
    file = options.file.absolute()
    store = file_of_store(settings, "into", file)
    from mcp_handoff.sqlite.backups import back_up

    end_work_on_ctrl_c()
    with shown_progress() as progress:
        back_up(store, file, progress)
    print(f"{file} is a whole copy of {store}, {file.stat().st_size} bytes")
    return 0
