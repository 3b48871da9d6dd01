"""Word that a call goes on, so that no client gives it up while it waits its turn."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession

from mcp_handoff.admission import Admission

INTERVAL_SECONDS = 2.0
"""How often a client that asked for progress hears of a call that is under way."""


@asynccontextmanager
async def progress_reported(
    context: ServerRequestContext[Any, Any] | None, operation: str, admission: Admission
) -> AsyncGenerator[None]:
    """Report what a call waits for, and how many seconds it has taken, to a client that asked for
    it, until this is left.

    What happens inside must not raise.
    """
    if context is None or "progress_token" not in (context.meta or {}):
        yield
        return
    async with anyio.create_task_group() as group:
        group.start_soon(_report, context.session, operation, admission)
        yield
        group.cancel_scope.cancel()


async def _report(session: ServerSession, operation: str, admission: Admission) -> None:
    begun = anyio.current_time()
    while True:
        await anyio.sleep(INTERVAL_SECONDS)
        seconds = round(anyio.current_time() - begun, 1)
        awaited = admission.waits_for
        does = f"waits for a change of {awaited}" if awaited else f"{operation} waits its turn"
        await session.report_progress(seconds, message=f"{does}: {seconds} s")
