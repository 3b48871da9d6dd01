"""Where the program begins: little enough that Ctrl-C finds no import to break into."""

import sys


def main() -> int:
    """Run the command line; return its exit status, 1 when Ctrl-C came before it was done."""
    try:
        from mcp_handoff import cli

        return cli.main()
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    sys.exit(main())
