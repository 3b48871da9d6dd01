"""A webhook that takes nothing is switched off where an admin sees it, and on again by a test."""

from typing import Any

import anyio.to_thread
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatch import dispatcher
from mcp_handoff.dispatches import JITTER, RETRY_SECONDS, Attempt
from mcp_handoff.events import ListEvents, ProjectEvent
from mcp_handoff.projects import CreateProject
from mcp_handoff.webhooks import AddedWebhook
from tests.clock import SteppedClock
from tests.dispatch.receiver import Answer, Receiver
from tests.http.served import OPERATOR
from tests.webhooks.telling import (
    add,
    dispatcher_of,
    file_ticket,
    kinds,
    only_webhook,
    order_test,
    say,
    tell,
)

pytestmark = pytest.mark.proof

REFUSED = "The receiver did not take it: it responded with status 500."
GONE = "The receiver did not take it: it responded with status 410, it takes no more dispatches."


async def add_in_shop(desk: Store, receiver: Receiver, **given: Any) -> AddedWebhook:
    """Start project shop and add a webhook of it."""
    await desk.create_project(OPERATOR, CreateProject(name="shop"))
    return await add(desk, receiver, project="shop", **given)


async def events_of_webhooks(desk: Store) -> list[ProjectEvent]:
    """Return what the history of project shop says of its webhooks."""
    page = await desk.list_events(OPERATOR, ListEvents(project="shop", limit=200))
    return [event for event in page.events if event.kind.startswith("webhook.")]


async def test_what_is_never_taken_comes_on_the_schedule_and_its_last_attempt_switches_off(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver(Answer(500)) as receiver:
        await add_in_shop(desk, receiver, events=["ticket", "message"])
        ticket = await file_ticket(desk, caller)
        await say(desk, caller, ticket, "held back", "this too")
        for attempts, wait in enumerate(RETRY_SECONDS, start=1):
            await tell(desk)
            webhook = await only_webhook(desk)
            assert (len(receiver.messages), webhook.waiting) == (attempts, 3)
            assert (webhook.off_since, webhook.last_error) == (None, REFUSED)
            clock.advance(seconds=wait - 1)
            assert await tell(desk) == []
            clock.advance(seconds=wait * JITTER + 1.001)
        await tell(desk)
        off = await only_webhook(desk)
        await file_ticket(desk, caller, "Nobody hears of this")
        assert await tell(desk) == []
    assert len({*receiver.ids()}) == 1
    assert len(receiver.ids()) == len(RETRY_SECONDS) + 1
    assert (off.waiting, off.off_reason, off.off_since) == (0, REFUSED, off.last_attempt_at)
    added, switched_off = await events_of_webhooks(desk)
    assert (added.kind, switched_off.kind) == ("webhook.added", "webhook.switched_off")
    assert (switched_off.source, switched_off.actor_id) == ("system", "dispatch")
    assert switched_off.after == {"off_since": off.off_since, "off_reason": REFUSED}


async def test_a_webhook_that_is_gone_is_switched_off_at_once_and_what_waits_is_dropped(
    desk: Store, caller: Caller
) -> None:
    with Receiver(Answer(410)) as receiver:
        await add_in_shop(desk, receiver)
        for number in range(3):
            await file_ticket(desk, caller, f"Fault {number}")
        await tell(desk)
    webhook = await only_webhook(desk)
    assert (len(receiver.messages), webhook.waiting, webhook.off_reason) == (1, 0, GONE)
    assert [event.kind for event in await events_of_webhooks(desk)][1:] == ["webhook.switched_off"]


async def test_what_is_on_its_way_when_its_webhook_is_switched_off_changes_nothing(
    desk: Store, caller: Caller
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver)
        for number in range(3):
            await file_ticket(desk, caller, f"Fault {number}")
    await desk.queue_events()
    first, *others = [await desk.lease_dispatch() for _ in range(3)]
    ends = (Attempt(), Attempt("Too late.", retry_in=5))
    assert first is not None
    await desk.settle_dispatch(first, Attempt(GONE))
    off = await only_webhook(desk)
    for dispatch, ended in zip(others, ends, strict=True):
        assert dispatch is not None
        await desk.settle_dispatch(dispatch, ended)
    assert await only_webhook(desk) == off
    assert off.off_reason == GONE


async def test_a_test_that_is_taken_switches_on_again_for_what_happens_from_then_on(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver(Answer(410), Answer()) as receiver:
        added = await add_in_shop(desk, receiver, events=["ticket"])
        await file_ticket(desk, caller, "Before it was off")
        await tell(desk)
        await file_ticket(desk, caller, "While it was off")
        clock.advance(hours=1)
        await order_test(desk, added.webhook.id)
        await tell(desk)
        webhook = await only_webhook(desk)
        after = await file_ticket(desk, caller, "After it was on again")
        await tell(desk)
    assert kinds(receiver) == ["ticket.created", "webhook.test", "ticket.created"]
    assert receiver.messages[-1].data["ticket"] == after
    assert (webhook.off_since, webhook.off_reason, webhook.last_error) == (None, None, None)
    assert webhook.last_taken_at == "2026-11-02T10:30:00.000Z"
    *_, tested, switched_on = [event.kind for event in await events_of_webhooks(desk)]
    assert (tested, switched_on) == ("webhook.tested", "webhook.switched_on")


async def test_a_test_says_whose_it_is_and_is_sent_once(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver(Answer(500), Answer()) as receiver:
        added = await add(desk, receiver)
        await order_test(desk, added.webhook.id)
        assert (await only_webhook(desk)).waiting == 1
        await tell(desk)
        clock.advance(days=30)
        assert await tell(desk) == []
    webhook = await only_webhook(desk)
    assert receiver.first().told == {
        "type": "webhook.test",
        "timestamp": "2026-11-02T09:30:00.000Z",
        "data": {"webhook_id": added.webhook.id},
    }
    assert len(receiver.messages) == 1
    assert (webhook.waiting, webhook.off_since, webhook.last_error) == (0, None, REFUSED)


async def test_a_test_goes_before_what_waits_and_a_test_that_is_refused_drops_none_of_it(
    desk: Store, caller: Caller
) -> None:
    with Receiver(Answer(410), Answer()) as receiver:
        added = await add(desk, receiver)
        await file_ticket(desk, caller)
        await desk.queue_events()
        await order_test(desk, added.webhook.id)
        await tell(desk)
    assert kinds(receiver) == ["webhook.test", "ticket.created"]
    assert (await only_webhook(desk)).off_since is None


async def test_a_test_that_is_refused_leaves_off_what_was_off(desk: Store, caller: Caller) -> None:
    with Receiver(Answer(410), Answer(500), Answer()) as receiver:
        added = await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
        off = await only_webhook(desk)
        await order_test(desk, added.webhook.id)
        await tell(desk)
        still = await only_webhook(desk)
        await file_ticket(desk, caller, "Nobody hears of this")
        assert await tell(desk) == []
    assert (still.off_since, still.off_reason) == (off.off_since, GONE)
    assert still.last_error == REFUSED


async def test_a_process_that_starts_while_the_only_webhook_is_off_sends_its_test(
    desk: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", 0.05)
    with Receiver(Answer(410), Answer()) as receiver:
        added = await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
        async with dispatcher_of(desk).running():
            await order_test(desk, added.webhook.id)
            await anyio.to_thread.run_sync(receiver.wait_for, 2)
    assert kinds(receiver)[1:] == ["webhook.test"]
