"""Where the program begins: little enough that Ctrl-C finds no import to break into."""

import gc
import os
import signal
import sys

from mcp_handoff.endings import end_at_once

_CLOSED = "mcp-handoff: it talks to a client on stdin and stdout, and one of the two is closed.\n"


def main() -> int:
    """Run the command line; return its exit status, 1 when Ctrl-C came before it was done."""
    # Python raises KeyboardInterrupt wherever it is, and drops it in a callback of the import
    # system: the program would go on. Ending at once loses nothing that is in a store.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)
    # Where nobody handles them, they leave half a copy, and a container's first process goes on.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end_at_once)
    gc.disable()  # what loading makes, stays: looking through it is a fifth of a start
    try:
        opened = None
        if len(sys.argv) == 1 and not os.isatty(0):  # a client waits for its first answers
            from mcp_handoff.mcp.first_answers import open_wire

            try:
                opened = open_wire()
            except OSError:
                sys.stderr.write(_CLOSED)
                return 2
        from mcp_handoff.cli.commands import main as run

        return run(opened=opened)
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    sys.exit(main())
