"""A message reaches its webhook at least once under one id, and a ticket's messages in order."""

from contextlib import AsyncExitStack

import anyio.to_thread
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatch import pace, sender
from mcp_handoff.dispatch.pace import DOWN_AFTER
from mcp_handoff.dispatches import JITTER, LEASE_SECONDS, RETRY_SECONDS, Attempt
from tests import requests
from tests.clock import SteppedClock
from tests.dispatch.receiver import Answer, Receiver
from tests.mcp.wire import TIMEOUT
from tests.webhooks.telling import (
    add,
    dispatcher_of,
    file_ticket,
    kinds,
    only_webhook,
    order_test,
    remove,
    say,
    subjects,
    tell,
    webhooks_of,
)

pytestmark = pytest.mark.proof

REFUSED = "The receiver did not take it: it responded with status 500."

RETRY = RETRY_SECONDS[0] * (1 + JITTER)
"""After how many seconds the second attempt is due at the latest."""


async def test_a_message_that_was_not_taken_comes_again_under_its_id(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver(Answer(500), Answer()) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
        failing = await only_webhook(desk)
        assert await tell(desk) == []
        clock.advance(seconds=RETRY)
        await tell(desk)
    first, second = receiver.messages
    assert receiver.ids() == [first.headers["webhook-id"]] * 2
    assert first.body == second.body
    assert (failing.waiting, failing.last_error, failing.last_taken_at) == (1, REFUSED, None)
    well = await only_webhook(desk)
    assert (well.waiting, well.last_error, well.off_since) == (0, None, None)
    assert well.last_attempt_at == well.last_taken_at == "2026-11-02T09:30:05.500Z"


async def test_what_is_put_off_holds_back_what_is_of_its_ticket_and_of_no_other(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver(Answer(500), Answer()) as receiver:
        await add(desk, receiver)
        held, free = [await file_ticket(desk, caller, title) for title in ("Held up", "Goes on")]
        await say(desk, caller, held, "one", "two")
        await say(desk, caller, free, "three")
        await tell(desk)
        tickets = [message.data["ticket"] for message in receiver.messages]
        assert tickets == [held, free, free]
        clock.advance(seconds=RETRY)
        await tell(desk)
    of_held = subjects(receiver, held)
    assert of_held[0] == of_held[1]
    assert len(of_held) == len({*of_held}) + 1 == 4
    assert kinds(receiver)[3:] == ["ticket.created", "message.added", "message.added"]


async def test_what_one_webhook_refuses_is_held_back_from_no_other(
    desk: Store, caller: Caller
) -> None:
    with Receiver(Answer(500)) as refusing, Receiver() as receiver:
        for one in (refusing, receiver):
            await add(desk, one)
        ticket = await file_ticket(desk, caller)
        await say(desk, caller, ticket, "one", "two")
        await tell(desk)
    assert len(refusing.messages) == 1
    assert kinds(receiver) == ["ticket.created", "message.added", "message.added"]


async def test_while_one_of_a_ticket_is_on_its_way_the_next_is_leased_by_nobody(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver)
        tickets = [await file_ticket(desk, caller, title) for title in ("First", "Second")]
        for ticket in tickets:
            await say(desk, caller, ticket, "more")
        await desk.queue_events()
        leased = [await desk.lease_dispatch() for _ in tickets]
        assert await desk.lease_dispatch() is None
        assert not await desk.is_dispatch_due()
        one, other = leased
        assert one is not None
        assert other is not None
        assert {one.payload["data"]["ticket"], other.payload["data"]["ticket"]} == {*tickets}
        await desk.settle_dispatch(one, Attempt())
        after = await desk.lease_dispatch()
        assert after is not None
        assert after.payload["data"]["ticket"] == one.payload["data"]["ticket"]
        clock.advance(seconds=LEASE_SECONDS)
        again = await desk.lease_dispatch()
    assert again is not None
    assert again.id == other.id


async def test_many_senders_at_once_send_each_message_once_and_in_its_tickets_order(
    desk: Store, caller: Caller
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver)
        tickets = [await file_ticket(desk, caller, f"Fault {number}") for number in range(4)]
        for number in range(5):
            for ticket in tickets:
                await say(desk, caller, ticket, f"{ticket} {number}")
        async with AsyncExitStack() as senders:
            for _ in range(4):
                await senders.enter_async_context(dispatcher_of(desk).running())
            await anyio.to_thread.run_sync(receiver.wait_for, 24)
    assert len({*receiver.ids()}) == len(receiver.ids()) == 24
    for ticket in tickets:
        assert subjects(receiver, ticket) == await told_of(desk, caller, ticket)


async def told_of(desk: Store, caller: Caller, ticket: str) -> list[str]:
    """Return what the history says that happened to a ticket, oldest first."""
    page = await desk.list_events(caller, requests.list_events(limit=200))
    return [event.subject_id for event in page.events if event.ticket == ticket]


async def test_a_webhook_may_ask_to_be_left_alone_for_longer(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver(Answer(503, {"Retry-After": "3600"}), Answer()) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
        clock.advance(seconds=3599)
        assert await tell(desk) == []
        clock.advance(seconds=1)
        await tell(desk)
    assert len(receiver.messages) == 2
    assert (await only_webhook(desk)).waiting == 0


async def test_a_redirect_is_not_followed(desk: Store, caller: Caller) -> None:
    with Receiver() as elsewhere, Receiver(Answer(307, {"Location": elsewhere.url})) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
    assert (len(receiver.messages), len(elsewhere.messages)) == (1, 0)
    webhook = await only_webhook(desk)
    assert (webhook.waiting, webhook.off_since) == (1, None)
    assert "it responded with a redirect, and none is followed" in (webhook.last_error or "")


async def test_a_webhook_that_hangs_delays_neither_another_nor_the_receiver_of_builds(
    desk: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "RESPONSE_SECONDS", 2 * TIMEOUT)
    with (
        Receiver(Answer(hangs=True)) as hanging,
        Receiver() as receiver,
        Receiver() as builds,
    ):
        for one in (hanging, receiver):
            await add(desk, one, events=["ticket.created"])
        async with dispatcher_of(desk, builds).running():
            for number in range(2 * pace.MOST_SENDERS):
                await file_ticket(desk, caller, f"Fault {number}")
            await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
            await anyio.to_thread.run_sync(receiver.wait_for, 2 * pace.MOST_SENDERS)
            await anyio.to_thread.run_sync(builds.wait_for, 1)
            await anyio.to_thread.run_sync(hanging.wait_for, pace.SENDERS)
        assert len(hanging.messages) == pace.SENDERS


async def test_a_webhook_that_is_down_is_probed_while_another_is_told_everything(
    desk: Store, caller: Caller
) -> None:
    with Receiver(Answer(503)) as down, Receiver() as receiver:
        for one in (down, receiver):
            await add(desk, one, events=["ticket.created"])
        for number in range(3 * DOWN_AFTER):
            await file_ticket(desk, caller, f"Fault {number}")
        await tell(desk)
    assert len(down.messages) == DOWN_AFTER
    assert len(receiver.messages) == 3 * DOWN_AFTER
    waiting = [webhook.waiting for webhook in await webhooks_of(desk)]
    assert waiting == [3 * DOWN_AFTER, 0]


async def test_a_webhook_that_is_away_is_told_later(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver() as away:
        pass
    await add(desk, away)
    await file_ticket(desk, caller)
    await tell(desk)
    webhook = await only_webhook(desk)
    assert webhook.last_error == "The receiver did not take it: it can't be reached, or broke off."
    assert (webhook.waiting, webhook.off_since) == (1, None)


async def test_nothing_that_waits_is_sent_once_its_webhook_is_removed(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver(Answer(500), Answer()) as removed, Receiver() as receiver:
        added = await add(desk, removed)
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
        await remove(desk, added.webhook.id)
        clock.advance(seconds=RETRY)
        await file_ticket(desk, caller, "Another")
        await tell(desk)
    assert (len(removed.messages), len(receiver.messages)) == (1, 2)
    assert await desk.count_dispatches() == 0


@pytest.mark.parametrize(
    "ended",
    [Attempt(), Attempt("It gave no answer.", retry_in=5), Attempt("It responded with 410.")],
    ids=["taken", "put off", "refused for good"],
)
async def test_what_is_on_its_way_while_its_webhook_is_removed_ends_without_a_trace(
    desk: Store, caller: Caller, ended: Attempt
) -> None:
    with Receiver() as receiver:
        added = await add(desk, receiver)
        await file_ticket(desk, caller)
        await order_test(desk, added.webhook.id)
        await desk.queue_events()
        leased = [await desk.lease_dispatch() for _ in range(2)]
        await remove(desk, added.webhook.id)
        for dispatch in leased:
            assert dispatch is not None
            await desk.settle_dispatch(dispatch, ended)
    assert await webhooks_of(desk) == []
    assert await desk.count_dispatches() == 0


async def test_a_sender_that_ends_gives_back_what_is_on_its_way(
    desk: Store, caller: Caller
) -> None:
    with Receiver(Answer(hangs=True)) as hanging:
        await add(desk, hanging)
        await file_ticket(desk, caller)
        async with dispatcher_of(desk).running():
            await anyio.to_thread.run_sync(hanging.first)
        assert await desk.lease_dispatch() is not None
