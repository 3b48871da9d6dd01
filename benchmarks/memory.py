"""Resident memory of mcp-handoff over many calls in each protocol era, over HTTP.

Counted is the whole server process: the interpreter, the SDK, and SQLite with the page caches of
its connections (2 MB each at most), which fill as the store grows.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import load, wire
from benchmarks.contenders import Contender, ours_over_http
from benchmarks.load import PLACE, Order
from benchmarks.served import Served
from benchmarks.table import markdown, verdict

CLIENTS = 4
GROWTH_MEGABYTES = 0.3
"""The most that a thousand calls may leave behind."""

_MEGABYTE = 1_000_000

Write = Callable[[str, Mapping[str, Any]], str]
"""Writes the request that calls a tool with these arguments."""


def sustain(calls: int) -> str:
    """Make so many calls in each era, a tenth of them to warm up, and return the table."""
    warm = calls // 10
    head = [f"resident MB after {warm:,} and {calls:,} calls, in one session where there are any"]
    rows = [
        _row(wire.MODERN, warm, calls, lambda _: wire.modern),
        _row(wire.HANDSHAKE, warm, calls, _in_session),
    ]
    columns = [f"after {warm:,}", f"after {calls:,}", "per 1,000 calls", "target", "met"]
    return markdown([*head, *columns], rows)


def _in_session(server: Served) -> Write:
    session = wire.open_session(server.address)
    return lambda tool, arguments: wire.handshake(tool, arguments, session)


def _row(era: str, warm: int, calls: int, writing: Callable[[Served], Write]) -> list[str]:
    contender = ours_over_http()
    with TemporaryDirectory() as folder, contender.serve(Path(folder) / "handoff.db") as server:
        mix = _mix(contender, writing(server))
        load.put(Order(server.address, mix[:1], clients=1, calls=1, first=0))  # the one to read
        load.put(Order(server.address, mix, CLIENTS, warm, first=1))
        before = server.resident
        load.put(Order(server.address, mix, CLIENTS, calls - warm, first=warm + 1))
        after = server.resident
    return _cells(era, before / _MEGABYTE, after / _MEGABYTE, (calls - warm) / 1_000)


def _mix(contender: Contender, write: Write) -> list[str]:
    return [
        write("create_ticket", contender.ticket(PLACE)),
        write("find_tickets", {}),
        write("get_ticket", {"ticket": 1}),
    ]


def _cells(era: str, before: float, after: float, thousands: float) -> list[str]:
    growth = (after - before) / thousands
    met = verdict(growth <= GROWTH_MEGABYTES)
    return [era, f"{before:.1f}", f"{after:.1f}", f"{growth:+.2f}", f"≤ {GROWTH_MEGABYTES}", met]
