"""A store that an older version wrote is brought up to date with all that is in it."""

import psycopg
import pytest

from mcp_handoff import postgres
from mcp_handoff.actors import Caller
from mcp_handoff.dispatches import Attempt
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.webhooks import ListWebhooks
from tests import requests
from tests.backends.old_stores import make_old, steps
from tests.databases import EVERY_DATABASE, open_database

TERMS_AFTER_MERGES = b"""
    INSERT INTO ticket_terms (seq, terms)
    SELECT seq, array_to_tsvector(ARRAY[
        scope || '/10/0', scope || '/12/0', scope || 'kumquat', scope || '=kumquat', scope || '^k'
    ])
    FROM (SELECT seq, right(project_id, 8) || left(status, 1) AS scope FROM tickets) AS t
"""


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


async def test_what_was_kept_before_principals_is_read_and_worked_on(
    database_name: str, caller: Caller
) -> None:
    make_old(database_name, "dispatches")
    store = StoreBackend(open_database(database_name))
    read = await store.get_ticket(caller, requests.get_ticket(1))
    assert (read.ticket.principal_id, read.builds[0].principal_id) == (None, None)
    assert [event.author for event in read.events] == ["ci-bot (bot)"]
    title = read.ticket.title or ""
    for query in (title.lower(), title.split()[0][:3] + "*"):
        page = await store.find_tickets(caller, requests.find_tickets(query=query))
        assert [ticket.number for ticket in page.tickets] == [1]
    await store.act_on_suggestion(caller, requests.execute(read.suggestions[0].id))
    newest = (await store.get_ticket(caller, requests.get_ticket(1))).events[0]
    assert (newest.kind, newest.principal_id) == ("suggestion.executed", "local")
    assert await store.database.read(key_owners) == ["bot:agent-1"]
    await store.close()


async def test_what_waited_to_be_sent_before_webhooks_is_sent(
    database_name: str, caller: Caller
) -> None:
    make_old(database_name, "merges")
    store = StoreBackend(open_database(database_name))
    assert await store.count_dispatches() == 2
    put_off, untried = await store.lease_dispatch(), await store.lease_dispatch()
    assert untried is None, "the other one is leased by a process of the old version"
    assert put_off is not None
    assert (put_off.target, put_off.attempts) == (None, 2)
    assert put_off.payload == {"run_id": put_off.id, "reference": "HO-1-shop"}
    await store.settle_dispatch(put_off, Attempt())
    told = await store.get_ticket(caller, requests.get_ticket(1))
    assert [build.status for build in told.builds] == ["queued"]
    assert told.events[0].kind == "build.dispatched"
    assert (await store.list_webhooks(caller, ListWebhooks())).webhooks == []
    await store.close()


async def test_terms_that_were_kept_without_their_blocks_are_found(
    request: pytest.FixtureRequest, caller: Caller
) -> None:
    name = str(request.getfixturevalue("postgres"))
    make_old(name, "dispatches")
    with psycopg.connect(name) as connection:
        for number, step in enumerate(steps(postgres.__file__, "merges")[3:], start=4):
            connection.execute(step.encode())
            connection.execute("INSERT INTO handoff_schema VALUES (%s)", [number])
        connection.execute(TERMS_AFTER_MERGES)
    store = StoreBackend(open_database(name))
    for query in ("kumquat", "kum*", "k*"):
        page = await store.find_tickets(caller, requests.find_tickets(query=query))
        assert [ticket.number for ticket in page.tickets] == [1]
    tried = await store.find_tickets(caller, requests.find_tickets(query="10"))
    assert tried.tickets == []
    await store.close()


def key_owners(tx: Transaction) -> list[str]:
    return [row["principal"] for row in tx.fetch_all("SELECT principal FROM idempotency")]
