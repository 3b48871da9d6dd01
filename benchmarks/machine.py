"""What the figures were measured on and with."""

import os
import platform
import sqlite3
from importlib.metadata import version

import apsw


def facts() -> str:
    """Return one line."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()},"
        f" {platform.python_implementation()} {platform.python_version()},"
        f" mcp {version('mcp')}, mcp-handoff {version('mcp-handoff')}"
        f" (SQLite {apsw.sqlite_lib_version()}), bare server on SQLite {sqlite3.sqlite_version}"
    )
