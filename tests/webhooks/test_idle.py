"""Where nobody is told anything, that costs next to nothing."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import NoReturn

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatch import dispatcher
from mcp_handoff.dispatch.dispatcher import Dispatcher
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.store.store_backend import StoreBackend
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database
from tests.dispatch.receiver import Receiver
from tests.webhooks.telling import add, dispatcher_of, file_ticket, kinds, remove

OPERATIONS = (
    "queue_events",
    "is_dispatch_due",
    "lease_dispatch",
    "settle_dispatch",
    "release_dispatch",
    "changes",
)
"""What a dispatcher may ask a store for."""

LOOK_SECONDS = 0.05


@pytest.fixture
def calls(desk: Store, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each operation of the store was called."""
    counted = Counter[str]()
    for operation in OPERATIONS:
        count(desk, operation, counted, monkeypatch)
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", LOOK_SECONDS)
    return counted


def count(
    desk: Store, operation: str, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    act = getattr(desk, operation)

    def counting(*arguments: object) -> object:
        counted[operation] += 1
        return act(*arguments)

    monkeypatch.setattr(desk, operation, counting)


def nobody() -> NoReturn:
    raise AssertionError("there is nobody to open a sender for")


async def until(counted: Counter[str], operation: str, calls: int) -> None:
    with anyio.fail_after(60):
        while counted[operation] < calls:
            await anyio.lowlevel.checkpoint()


async def test_a_process_that_tells_nobody_opens_no_sender_and_follows_no_changes(
    desk: Store, caller: Caller, calls: Counter[str]
) -> None:
    begun = anyio.current_time()
    async with Dispatcher(desk, nobody, sends_builds=False).running():
        await file_ticket(desk, caller)
        await until(calls, "queue_events", 4)
    assert anyio.current_time() - begun >= 3 * LOOK_SECONDS
    assert calls.keys() == {"queue_events"}


async def test_a_process_with_a_webhook_and_nothing_to_tell_leases_nothing(
    desk: Store, calls: Counter[str]
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver)
        async with dispatcher_of(desk).running():
            await until(calls, "is_dispatch_due", 4)
    assert calls.keys() == {"changes", "queue_events", "is_dispatch_due"}
    assert calls["changes"] == 1


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_a_process_that_told_nobody_tells_a_webhook_that_another_process_adds(
    request: pytest.FixtureRequest,
    caller: Caller,
    clock: SteppedClock,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", LOOK_SECONDS)
    store = str(request.getfixturevalue(name))
    telling, other = (StoreBackend(open_database(store, clock=clock)) for _ in range(2))
    with Receiver() as receiver:
        async with dispatcher_of(telling).running():
            added = await add(other, receiver)
            await file_ticket(other, caller)
            await anyio.to_thread.run_sync(receiver.wait_for, 1)
            await remove(other, added.webhook.id)
            await add(other, receiver, events=["message"])
            await file_ticket(other, caller, "Nobody hears of this")
            await add(other, receiver, events=["ticket"])
            await file_ticket(other, caller, "This one is told")
            await anyio.to_thread.run_sync(receiver.wait_for, 2)
    assert kinds(receiver) == ["ticket.created"] * 2
    assert receiver.messages[-1].data["title"] == "This one is told"
    for one in (telling, other):
        await one.close()


async def test_a_process_that_could_not_follow_the_changes_tries_again(
    desk: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", LOOK_SECONDS)
    follow, failures = desk.changes, [BackendUnavailable("Oh."), ValueError("a defect")]

    def fail_first() -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        if failures:
            raise failures.pop()
        return follow()

    monkeypatch.setattr(desk, "changes", fail_first)
    with Receiver() as receiver:
        await add(desk, receiver)
        async with dispatcher_of(desk).running():
            await file_ticket(desk, caller)
            await anyio.to_thread.run_sync(receiver.wait_for, 1)
    assert failures == []
