"""What a ticket's end does to whatever else was proposed to close it, however much that is."""

from collections.abc import AsyncIterator

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.store import history, suggestions
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Database
from tests import requests
from tests.databases import EVERY_DATABASE, open_database

MANY = history.BATCH + 1


@pytest.fixture(params=EVERY_DATABASE)
async def many(request: pytest.FixtureRequest, caller: Caller) -> AsyncIterator[Database]:
    """A store with a ticket that MANY propose to close."""
    database = open_database(str(request.getfixturevalue(request.param)))
    await StoreBackend(database).create_ticket(caller, requests.create_ticket())
    proposal = requests.suggest_close(1)
    await database.write(
        lambda tx: [suggestions.suggest_close(tx, caller, proposal) for _ in range(MANY)]
    )
    yield database
    await database.close()


async def test_all_that_is_pending_is_skipped_with_an_event_each_and_told_of_once(
    many: Database, caller: Caller
) -> None:
    store = StoreBackend(many)
    [newest] = (
        await store.list_suggestions(caller, requests.list_suggestions(limit=1))
    ).suggestions
    async with many.changes() as changes:
        await store.act_on_suggestion(caller, requests.execute(newest.id))
        heard = [(await anext(changes)).kind for _ in range(2)]
    assert heard == ["suggestion.executed", "suggestion.skipped"]
    counts = "SELECT kind, count(DISTINCT subject_id) AS count FROM events GROUP BY kind"
    told = await many.read(lambda tx: tx.fetch_all(counts))
    assert {row["kind"]: row["count"] for row in told} == {
        "project.created": 1,
        "ticket.created": 1,
        "suggestion.created": MANY,
        "suggestion.executed": 1,
        "suggestion.skipped": MANY - 1,
    }
    statuses = "SELECT status, count(*) AS count FROM suggestions GROUP BY status"
    left = await many.read(lambda tx: tx.fetch_all(statuses))
    assert {row["status"]: row["count"] for row in left} == {"executed": 1, "skipped": MANY - 1}
