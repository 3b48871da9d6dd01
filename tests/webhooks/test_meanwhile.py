"""What others commit while events are queued; SQLite has one writer at a time, and no meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import replace
from threading import Event
from typing import Any

import anyio
import anyio.to_thread
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatches import Attempt
from mcp_handoff.postgres.transaction import PostgresTransaction
from mcp_handoff.store import messages
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Row, Transaction
from tests import requests
from tests.databases import in_store, open_database
from tests.dispatch.receiver import Receiver
from tests.mcp.wire import TIMEOUT
from tests.webhooks.telling import add, file_ticket, kinds, only_webhook, tell

GONE = "The receiver did not take it: it responded with status 410, it takes no more dispatches."


@pytest.fixture
async def desk(postgres: str) -> AsyncIterator[Store]:
    opened = StoreBackend(open_database(postgres))
    yield opened
    await opened.close()


async def test_an_event_that_is_committed_after_a_later_one_is_told_too_and_before_it(
    desk: Store, postgres: str, caller: Caller
) -> None:
    ticket, added, committing = await file_ticket(desk, caller), Event(), Event()

    def add_message(tx: Transaction) -> None:
        messages.add_message(tx, caller, requests.add_message(ticket, "slow"))
        tx.fetch_one("SELECT 1 AS one")  # once this is answered, the server has done all before it
        added.set()
        assert committing.wait(TIMEOUT)

    def add_message_slowly() -> None:
        in_store(postgres, lambda other: other.database.write(add_message))

    with Receiver() as receiver:
        await add(desk, receiver)
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, add_message_slowly)
            assert await anyio.to_thread.run_sync(added.wait, TIMEOUT)
            await file_ticket(desk, replace(caller, project="depot"))
            assert await tell(desk) == []
            committing.set()
        await tell(desk)
    assert kinds(receiver) == ["message.added", "ticket.created"]


async def test_nothing_is_queued_for_a_webhook_that_somebody_switches_off_meanwhile(
    desk: Store, postgres: str, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver)
    await file_ticket(desk, caller)
    await desk.queue_events()
    leased = await desk.lease_dispatch()
    assert leased is not None
    await file_ticket(desk, caller, "While it is switched off")

    fetch_all = PostgresTransaction.fetch_all

    def fetch_all_and_switch_off(tx: PostgresTransaction, sql: str, **values: Any) -> list[Row]:
        rows = fetch_all(tx, sql, **values)
        if "FROM events" in sql:
            in_store(postgres, lambda other: other.settle_dispatch(leased, Attempt(GONE)))
        return rows

    monkeypatch.setattr(PostgresTransaction, "fetch_all", fetch_all_and_switch_off)
    await desk.queue_events()
    webhook = await only_webhook(desk)
    assert (webhook.off_reason, webhook.waiting) == (GONE, 0)
