"""What arises from merges, on every database."""

from collections.abc import AsyncIterator

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.store.store_backend import StoreBackend
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database
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
