"""Lets `python -m mcp_handoff` do what `mcp-handoff` does."""

import sys

from mcp_handoff.cli import main

sys.exit(main())
