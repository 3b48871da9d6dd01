"""How a command is run: on a backend, as a person at this machine."""

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mcp_handoff.actors import Actor
from mcp_handoff.backend import Backend, Store
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.text import one_line
from mcp_handoff.wiring import claim_store

BackendT = TypeVar("BackendT", bound=Backend)


def run_at_desk(
    backend: Backend, settings: Settings, use: Callable[[Desk, Visitor], Awaitable[None]]
) -> int:
    """Do what a person at this machine asks for; they may do everything."""
    visitor = Visitor("cli", Actor(role="user", source="cli", id=settings.actor_id))
    return run(backend, settings, lambda _: use(Desk(backend, settings), visitor))


def run(backend: BackendT, settings: Settings, use: Callable[[BackendT], Awaitable[None]]) -> int:
    async def use_and_close() -> None:
        try:
            if isinstance(backend, Store):
                await claim_store(backend, settings)
            await use(backend)
        finally:
            await backend.close()

    return run_async(use_and_close)


def run_async(work: Callable[[], Awaitable[None]]) -> int:
    import anyio

    # From here on Ctrl-C cancels the work, which then ends in good order.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    anyio.run(work)
    return 0


def line_of(*fields: str | None) -> str:
    """Return others' words as columns of one line."""
    return "  ".join(one_line(str(field)) for field in fields)
