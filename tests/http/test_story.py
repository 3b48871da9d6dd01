"""The stories of the stdio server, told over HTTP: the same tools, rules and errors."""

from tests.mcp.test_story import *  # noqa: F403 - each of its tests runs again here
