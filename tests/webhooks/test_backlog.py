"""However far behind a webhook is, few of its messages wait in the outbox, and none is lost."""

import anyio.to_thread
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatches import JITTER, RETRY_SECONDS
from mcp_handoff.store import webhook_events
from tests.clock import SteppedClock
from tests.dispatch.receiver import Answer, Receiver
from tests.webhooks.telling import (
    add,
    dispatcher_of,
    file_ticket,
    kinds,
    only_webhook,
    say,
    subjects,
    tell,
    webhooks_of,
)

pytestmark = pytest.mark.proof

BACKLOG, BATCH = 6, 4
MOST = BACKLOG + BATCH


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_events, "BACKLOG", BACKLOG)
    monkeypatch.setattr(webhook_events, "BATCH", BATCH)


async def test_what_finds_no_room_in_the_outbox_comes_once_there_is_some_and_in_order(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver(Answer(503), Answer()) as receiver:
        await add(desk, receiver)
        ticket = await file_ticket(desk, caller)
        await say(desk, caller, ticket, *map(str, range(3 * MOST)))
        await tell(desk)
        waiting = (await only_webhook(desk)).waiting
        clock.advance(seconds=RETRY_SECONDS[0] * (1 + JITTER))
        await tell(desk)
    assert BACKLOG <= waiting < MOST
    assert kinds(receiver) == ["ticket.created"] * 2 + ["message.added"] * 3 * MOST
    assert len({*receiver.ids()}) == len({*subjects(receiver)}) == 1 + 3 * MOST
    assert (await only_webhook(desk)).waiting == 0


async def test_a_running_sender_makes_room_and_fills_it_until_all_is_told(
    desk: Store, caller: Caller
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver, events=["ticket"])
        for number in range(3 * MOST):
            await file_ticket(desk, caller, f"Fault {number}")
        async with dispatcher_of(desk).running():
            await anyio.to_thread.run_sync(receiver.wait_for, 3 * MOST)
    assert len({*subjects(receiver)}) == len(receiver.messages) == 3 * MOST


async def test_events_that_a_webhook_did_not_ask_for_take_none_of_its_room(
    desk: Store, caller: Caller
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver, events=["ticket"])
        ticket = await file_ticket(desk, caller)
        await say(desk, caller, ticket, *map(str, range(3 * MOST)))
        last = await file_ticket(desk, caller, "The last one")
        await desk.queue_events()
        assert (await only_webhook(desk)).waiting == 2
        await tell(desk)
    assert [message.data["ticket"] for message in receiver.messages] == [ticket, last]


async def test_webhooks_that_are_behind_by_more_and_by_less_all_hear_of_everything(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    """Some are added later, and one takes nothing at first, so that it falls behind."""
    with (
        Receiver(Answer(503), Answer()) as behind,
        Receiver() as early,
        Receiver() as late,
        Receiver() as messages,
    ):
        for one in (behind, early):
            await add(desk, one)
        ticket = await file_ticket(desk, caller)
        await say(desk, caller, ticket, *map(str, range(MOST)))
        await tell(desk)
        await add(desk, late)
        await add(desk, messages, events=["message"])
        await say(desk, caller, ticket, *map(str, range(MOST, 3 * MOST)))
        await tell(desk)
        clock.advance(seconds=RETRY_SECONDS[0] * (1 + JITTER))
        await tell(desk)
    whole = subjects(early)
    assert len(whole) == 1 + 3 * MOST
    assert subjects(behind) == [whole[0], *whole]
    assert subjects(late) == subjects(messages) == whole[1 + MOST :]
    assert [webhook.waiting for webhook in await webhooks_of(desk)] == [0] * 4
