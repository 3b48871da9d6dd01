"""What every test can ask for."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.backends.sqlite import SqliteDatabase
from mcp_handoff.backends.store.backend import StoreBackend
from tests.clock import SteppedClock


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_developer() -> None:
    """Keep the developer's own environment out of the tests."""
    for name in list(os.environ):
        if name.startswith(("HANDOFF_", "BUILD_DISPATCH_")):
            del os.environ[name]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def caller() -> Caller:
    """A bot in project shop."""
    return Caller(bot("agent-1"), project="shop")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where a test's store lies."""
    return tmp_path / "handoff.db"


@pytest.fixture
async def backend(store: Path, clock: SteppedClock) -> AsyncIterator[Backend]:
    """A backend on a fresh store whose time only moves when the test says so."""
    opened = StoreBackend(SqliteDatabase.open(store, clock=clock), dispatching=True)
    yield opened
    await opened.close()
