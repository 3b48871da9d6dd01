"""Word that a call goes on, so that no client gives it up while it waits its turn."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from mcp_handoff.admission import Admission

INTERVAL_SECONDS = 2.0
"""How often a client that asked for progress hears of a call that is under way."""

Report = Callable[[float, str], Awaitable[None]]
"""Tells a client how far its call is: how many seconds it has taken, and what it waits for."""


@asynccontextmanager
async def progress_reported(
    report: Report | None, operation: str, admission: Admission
) -> AsyncGenerator[None]:
    """Report what a call waits for, and how many seconds it has taken, to a client that asked for
    it, until this is left.

    What happens inside must not raise.
    """
    if report is None:
        yield
        return
    async with anyio.create_task_group() as group:
        group.start_soon(_keep_reporting, report, operation, admission)
        yield
        group.cancel_scope.cancel()


async def _keep_reporting(report: Report, operation: str, admission: Admission) -> None:
    begun = anyio.current_time()
    while True:
        await anyio.sleep(INTERVAL_SECONDS)
        seconds = round(anyio.current_time() - begun, 1)
        awaited = admission.waits_for
        does = f"waits for a change of {awaited}" if awaited else f"{operation} waits its turn"
        await report(seconds, f"{does}: {seconds} s")
