"""mcp-handoff that says when it begins to copy a store, and gets no further."""

import sys
from threading import Event

import apsw

from mcp_handoff.__main__ import main


def stop_at_copy(connection: apsw.Connection) -> None:
    if ".part-" in connection.filename:
        sys.stderr.write("copying\n")
        sys.stderr.flush()
        Event().wait()


if __name__ == "__main__":
    apsw.connection_hooks.append(stop_at_copy)
    sys.exit(main())
