"""Where the unpacked bundle begins."""

import sys

from mcp_handoff.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
