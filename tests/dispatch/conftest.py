"""What the tests of dispatching share."""

from collections.abc import AsyncIterator

import pytest

from mcp_handoff.backend import Store
from mcp_handoff.store.store_backend import StoreBackend
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database


@pytest.fixture(params=EVERY_DATABASE)
async def desk(request: pytest.FixtureRequest, clock: SteppedClock) -> AsyncIterator[Store]:
    """A store whose triggered builds are to be dispatched, and whose time the test moves."""
    name = str(request.getfixturevalue(request.param))
    opened = StoreBackend(open_database(name, clock=clock))
    yield opened
    await opened.close()
