"""The benchmarks, at a size at which they are quick and only their counts mean anything.

Whatever is measured may come out as anything on a busy machine; that it is printed is checked.
"""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.replicas import RATIOS
from benchmarks.stdio import COMMANDS
from benchmarks.wire import ERAS
from mcp_handoff.mcp.tools import TOOLS
from tests.clusters import binaries
from tests.mcp.budgets import BUDGETS

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
SMALL = ["--rounds", "1", "--calls", "20", "--loads", "1", "--sustained", "60", "--seconds", "1"]
STREAMS = ["--streams", "40", "--changes", "2", "--peers", "0"]
STARTS = ["--starts", "2"]
SIZES = ["--tickets", "100", "1000"]
SECONDS = 900
"""What they may take on a busy machine; on an idle one it is 30."""

COMPARED = [
    *(
        f"start to {what}, {era}, ms"
        for era in ERAS
        for what in ("first answer", "tools/list", "first create")
    ),
    "create_ticket, ms",
    "resident after 20 creates, MB",
    "tools",
    "tools/list, bytes",
]
RUN = [f"mcp-handoff {words}, ms" for words in COMMANDS]
READING = [f"{name}, bytes" for name in BUDGETS]
GOALS = ["who see the structured form", "who see the text form"]
API = [
    "create_ticket, ms, beside a bare httpx2 client",
    "start to tools/list, ms, beside the embedded store",
]
CROWD = ["errors", "tickets stored", "slowest call, ms"]
THROUGHPUT = [
    "1 client",
    "8 clients",
    "32 clients",
    "32 clients, with a token and a rate limit",
    "32 clients, 2025-11-25",
    "1 client, REST beside our MCP",
    "32 clients, REST beside our MCP",
]
LOAD = "load generator, of a core"
REPLICAS = [str(case) for case in RATIOS] if binaries() else []
SIMULATION = [
    "whole, from the call of the store",
    "processor, Python",
    "processor, PostgreSQL",
    "COMMIT",
    "round trips and waking",
    "its project is locked",
    "processor of each other server, to hear of it",
    "processor of a server, over HTTP",
    *REPLICAS,
    *(
        f"{projects}, {heard}"
        for projects in ("1 project", "32 projects", "1,000 projects")
        for heard in ("every server hears of all", "each hears of its own")
    ),
    "projects at least, evenly used",
    "cores of servers",
    "… and to hear of all, in each server",
    "cores of PostgreSQL",
    "databases as the one above",
    "connections of each",
]
SUBSCRIBERS = [
    "a write that concerns nobody",
    "one that concerns 1",
    "one that concerns the other 39",
    "create_ticket while these hear",
    "a stream, KB of memory",
] * (2 if binaries() else 1)
MEMORY = ["2026-07-28", "2025-11-25"]
SCALE = [
    "a ticket",
    "create_ticket",
    "get_ticket",
    "find_tickets, 20 open",
    "find_tickets, the most urgent",
    "find_tickets, blocking, of an author",
    "find_tickets, of a role, high",
    "find_tickets, of an author and a role",
    "find_tickets, changed lately, of a role",
    "find_tickets, changed lately, of an author",
    "find_tickets, of nobody",
    "find_tickets, of a stage that none is in",
    "find_tickets, two words",
    "find_tickets, five words",
    "find_tickets, two words and the commonest",
    "find_tickets, the commonest word",
    "find_tickets, a word and one letter*",
    "find_tickets, a word and two letters*",
]


@pytest.mark.timeout(SECONDS + 60)
def test_a_small_run_prints_every_row_and_its_counts_are_right() -> None:
    command = [sys.executable, "-m", "benchmarks", *SMALL, *STREAMS, *STARTS, *SIZES]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    printed = _rows(ran.stdout)
    rows = {name: cells for name, *cells in printed}
    order = [
        *COMPARED,
        *RUN,
        *READING,
        *GOALS,
        *API,
        *CROWD,
        *THROUGHPUT,
        LOAD,
        *REPLICAS,
        *(SIMULATION if binaries() else []),
        *SUBSCRIBERS,
        *MEMORY,
        *SCALE,
    ]
    assert [name for name, *_ in printed] == order
    for name in [*COMPARED, *GOALS, *API, *THROUGHPUT, *REPLICAS, *MEMORY, *SCALE]:
        assert all(re.search(r"\d", cell) for cell in rows[name][:2]), name
    assert rows["tools"][:2] == ["1", f"{len(TOOLS)}"]
    assert rows["errors"] == ["0", "0", "yes"]
    assert rows["tickets stored"] == ["200", "200", "yes"]
    assert {rows[name][-1] for name in SCALE} <= {"yes", "**no**"}


def _rows(report: str) -> list[list[str]]:
    """Return the cells of every row that is neither a head nor the rule below it."""
    lines = [line for line in report.splitlines() if line.startswith("|")]
    rules = [line for line in lines if line.startswith("| ---")]
    heads = [line for line, below in pairwise(lines) if below in rules]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line not in [*heads, *rules]
    ]
