"""A server in the test's own process, for what no transport has a part in."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from mcp import Client

from mcp_handoff.backend import Backend
from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.receivers import receiver_of
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests.clock import SteppedClock

DISPATCHED = {"BUILD_DISPATCH_URL": "https://builder.example/hook"}
"""What makes a server propose a build: there is somebody to make it."""

RECEIVER = receiver_of(DISPATCHED["BUILD_DISPATCH_URL"], None)


async def open_store(path: Path) -> StoreBackend:
    """Open a store that has a receiver, and whose time stands still."""
    opened = StoreBackend(SqliteDatabase.open(path, clock=SteppedClock()), RECEIVER)
    await opened.claim_receiver()
    return opened


@asynccontextmanager
async def served(
    backend: Backend, directory: Path, era: str = "2026-07-28", **environment: str
) -> AsyncGenerator[Client]:
    """Yield a client of a server over this backend, in project shop and under the name claude-code
    unless the environment says otherwise."""
    own = {"HANDOFF_PROJECT": "shop", "HANDOFF_ACTOR_ID": "claude-code"}
    settings = read_settings({**own, **environment}, directory)
    async with Client(
        HandoffServer(Toolbox(Desk(backend, settings), settings)), mode=era
    ) as client:
        yield client
