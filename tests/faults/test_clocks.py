"""A machine whose clock is wrong, or is set while it works: PostgreSQL goes by the database's."""

import datetime as clock
from collections.abc import AsyncIterator
from datetime import timedelta, tzinfo
from typing import Self

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.store import transaction
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.databases import open_database
from tests.dispatch.test_dispatch import trigger

pytestmark = pytest.mark.proof

JUMPS = (timedelta(hours=-2), timedelta(seconds=70), timedelta(hours=1))


class Wall(clock.datetime):
    """What the machine's clock says; `wrong_by` is what it is set wrong by."""

    wrong_by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(clock.datetime.now(tz).timestamp(), tz) + cls.wrong_by


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> type[Wall]:
    monkeypatch.setattr(transaction, "datetime", Wall)
    monkeypatch.setattr(Wall, "wrong_by", timedelta())
    return Wall


@pytest.fixture
async def desk(postgres: str) -> AsyncIterator[Store]:
    opened = StoreBackend(open_database(postgres))
    yield opened
    await opened.close()


@pytest.mark.parametrize("jump", JUMPS)
async def test_an_equal_create_is_known_however_the_clock_was_set_since(
    desk: Store, caller: Caller, wall: type[Wall], jump: timedelta
) -> None:
    first = await desk.create_ticket(caller, requests.create_ticket())
    wall.wrong_by = jump
    second = await desk.create_ticket(caller, requests.create_ticket())
    assert (second.ticket.id, second.deduplicated) == (first.ticket.id, True)


async def test_a_sender_whose_clock_is_ahead_takes_nothing_that_another_sends(
    desk: Store, caller: Caller, wall: type[Wall]
) -> None:
    await trigger(desk, caller)
    leased = await desk.lease_dispatch()
    assert leased is not None
    wall.wrong_by = timedelta(seconds=70)
    assert not await desk.is_dispatch_due()
    assert await desk.lease_dispatch() is None
