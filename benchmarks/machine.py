"""What the figures were measured on and with."""

import os
import platform
import sqlite3
import time
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


def processor_time(pid: int) -> float:
    """Return the seconds that a process has been running on a processor, over all the threads that
    it has or had.

    It is read from the process's own clock, which has nanoseconds where /proc/PID/stat has ticks of
    10 ms: the number of that clock is made as clock_getcpuclockid(3) makes it on Linux.
    """
    return time.clock_gettime((~pid << 3) | 2)
