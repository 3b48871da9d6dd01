"""Stores that hear of merges, on every database, and a checkout beside a store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, in_store, open_database
from tests.facts import REPOSITORY
from tests.merges.desk import Desk


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
async def desk(database_name: str, clock: SteppedClock, caller: Caller) -> AsyncIterator[Desk]:
    """A desk with ticket 1, for backend, in project shop, which GitHub's acme/shop is linked to."""
    backend = StoreBackend(open_database(database_name, clock=clock))
    opened = Desk(backend, caller)
    await opened.file_ticket()
    await backend.link_repository(caller, LinkRepository(name=REPOSITORY))
    yield opened
    await backend.close()


@pytest.fixture
def filed(store: Path, caller: Caller) -> Path:
    """A store with two tickets in shop."""

    async def file(backend: StoreBackend) -> None:
        for title in ("Checkout fails", "Totals are wrong"):
            await backend.create_ticket(caller, requests.create_ticket(title=title))

    in_store(store, file)
    return store
