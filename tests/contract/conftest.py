"""The contract, over every backend."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.clock import SteppedClock
from tests.contract.api import ApiProcess, ByToken, RemoteClock
from tests.databases import open_database

BACKENDS = ("sqlite", "postgresql", "api")


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
    if kind == "api":
        return RemoteClock(request.getfixturevalue("api_process"))
    return SteppedClock()


@pytest.fixture
def database_name(kind: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("postgres" if kind == "postgresql" else "store"))


@pytest.fixture
async def backend(
    database_name: str,
    store: Path,
    clock: SteppedClock | RemoteClock,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Backend]:
    """A backend on a fresh store."""
    if isinstance(clock, SteppedClock):
        opened: Backend = StoreBackend(open_database(database_name, clock=clock))
    else:
        opened = cast(Backend, ByToken(request.getfixturevalue("api_process"), store))
    yield opened
    await opened.close()


@pytest.fixture
async def build(backend: Backend, caller: Caller) -> str:
    """The id of the build that was triggered for ticket 1."""
    await backend.create_ticket(caller, requests.create_ticket())
    request = requests.trigger_bot_build(1, provider="docker", repo="acme/shop")
    triggered = await backend.trigger_bot_build(caller, request)
    return triggered.ticket.ai_output["build_run"]["build_id"]
