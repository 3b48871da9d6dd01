"""The contract, over every backend."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from mcp_handoff.backend import Backend
from mcp_handoff.backends.sqlite import SqliteDatabase
from mcp_handoff.backends.store.backend import StoreBackend
from tests.clock import SteppedClock
from tests.contract.api import ApiProcess, ByToken, RemoteClock

BACKENDS = ("sqlite", "api")


@pytest.fixture(params=BACKENDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which backend a test runs over."""
    return request.param


@pytest.fixture(scope="session")
def api_process() -> Iterator[ApiProcess]:
    with ApiProcess() as running:
        yield running


@pytest.fixture
def clock(kind: str, request: pytest.FixtureRequest) -> SteppedClock | RemoteClock:
    """The clock of the backend, which only moves when the test says so."""
    if kind == "sqlite":
        return SteppedClock()
    return RemoteClock(request.getfixturevalue("api_process"))


@pytest.fixture
async def backend(
    kind: str, store: Path, clock: SteppedClock, request: pytest.FixtureRequest
) -> AsyncIterator[Backend]:
    """A backend on a fresh store."""
    if kind == "sqlite":
        opened: Backend = StoreBackend(SqliteDatabase.open(store, clock=clock), dispatching=True)
    else:
        opened = cast(Backend, ByToken(request.getfixturevalue("api_process"), store))
    yield opened
    await opened.close()
