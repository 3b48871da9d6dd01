"""Proposals that nobody acted on in time are marked as expired, in batches, each with an event."""

from collections.abc import AsyncIterator

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.suggestions import EXPIRY_BATCH
from mcp_handoff.store.transaction import Database, Transaction
from tests import requests
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
async def database(database_name: str, clock: SteppedClock) -> AsyncIterator[Database]:
    opened = open_database(database_name, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def desk(database: Database, caller: Caller) -> Store:
    """A store with one ticket."""
    store = StoreBackend(database)
    await store.create_ticket(caller, requests.create_ticket())
    return store


async def test_an_expiry_leaves_a_line_of_history_by_nobody(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    made = await desk.suggest_close(caller, requests.suggest_close(1))
    clock.advance(days=14)
    await desk.expire_suggestions()
    await desk.expire_suggestions()
    events = (await desk.get_ticket(caller, requests.get_ticket(1))).events
    kinds = [event.kind for event in events]
    assert kinds == ["suggestion.expired", "suggestion.created", "ticket.created"]
    assert (events[0].source, events[0].actor_id) == ("system", "expiry")
    assert (events[0].principal_id, events[0].author) == ("system", "expiry (bot)")
    assert (events[0].before, events[0].after) == ({"status": "pending"}, {"status": "expired"})
    listed = await desk.list_suggestions(caller, requests.list_suggestions(status="expired"))
    assert [one.id for one in listed.suggestions] == [made.suggestion.id]


async def test_what_is_not_due_or_was_acted_on_does_not_expire(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    acted = await desk.suggest_close(caller, requests.suggest_close(1))
    await desk.act_on_suggestion(caller, requests.decline(acted.suggestion.id))
    clock.advance(days=1)
    await desk.suggest_close(caller, requests.suggest_close(1))
    clock.advance(days=13)
    await desk.expire_suggestions()
    listed = await desk.list_suggestions(caller, requests.list_suggestions())
    assert [one.status for one in listed.suggestions] == ["pending", "declined"]


async def test_all_that_is_due_expires_however_much_it_is(
    desk: Store, caller: Caller, clock: SteppedClock, database: Database
) -> None:
    for _ in range(EXPIRY_BATCH + 1):
        await desk.suggest_close(caller, requests.suggest_close(1))
    clock.advance(days=14)
    await desk.expire_suggestions()
    assert await database.read(statuses) == {"expired": EXPIRY_BATCH + 1}


async def test_suggesting_leaves_what_others_suggested_as_it_is(
    desk: Store, caller: Caller, clock: SteppedClock, database: Database
) -> None:
    await desk.suggest_close(caller, requests.suggest_close(1))
    clock.advance(days=14)
    await desk.suggest_close(caller, requests.suggest_close(1))
    assert await database.read(statuses) == {"pending": 2}


def statuses(tx: Transaction) -> dict[str, int]:
    rows = tx.fetch_all("SELECT status, count(*) AS count FROM suggestions GROUP BY status")
    return {row["status"]: row["count"] for row in rows}
