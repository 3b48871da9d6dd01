"""Whoever tells webhooks may be killed at any moment: all that happens is told, in order."""

import random
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.events import ProjectEvent
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.invariants import assert_whole
from tests.databases import EVERY_DATABASE, address, open_database
from tests.dispatch.receiver import Receiver
from tests.dispatch.senders import Send, dispatch, dispatch_carelessly
from tests.forks import FORKS
from tests.mcp.wire import TIMEOUT, environment
from tests.proofs import SEED
from tests.webhooks.telling import add, file_ticket, say, webhooks_of

pytestmark = pytest.mark.proof

KILLS = 50
"""Kills of `mcp-handoff dispatch` on each database."""

SENDERS = 2
"""How many of them run at once."""

WAITING = 30
"""How many messages wait when they start: more than they can send before they are killed."""

MESSAGES = 5
"""Within which a sender is killed, or before the first."""

SECONDS = 0.01
"""What one message takes, all in all: the kill comes anywhere in it."""

ROUNDS = KILLS // SENDERS


class Killing:
    """A store whose senders are killed while its tickets are worked on."""

    def __init__(self, name: str, caller: Caller, receiver: Receiver, send: Send) -> None:
        self.desk = StoreBackend(open_database(name))
        self.leases = 0
        self._name, self._caller, self._receiver, self._send = name, caller, receiver, send
        self._dice = random.Random(SEED)
        self._tickets: list[str] = []

    async def go_on(self) -> None:
        """Have things happen before and while senders run that are killed."""
        await self.work(WAITING - await self.desk.count_dispatches())
        async with anyio.create_task_group() as group:
            for _ in range(SENDERS):
                group.start_soon(anyio.to_thread.run_sync, self._send_until_killed)
            await self.work(WAITING // 3)
        self.leases += await self._end_leases()

    async def work(self, count: int) -> None:
        """Have so many things happen: tickets are filed, and messages added to them."""
        for _ in range(count):
            if len(self._tickets) < 3 or self._dice.random() < 0.2:
                title = f"Fault {len(self._tickets)}"
                self._tickets.append(await file_ticket(self.desk, self._caller, title))
            else:
                await say(self.desk, self._caller, self._dice.choice(self._tickets[-6:]), "More")

    async def finish(self) -> None:
        """Tell what is left, by senders that nobody kills."""
        senders = [self._sender(dispatch) for _ in range(SENDERS)]
        for sender in senders:
            await anyio.to_thread.run_sync(sender.join, TIMEOUT)
            assert sender.exitcode == 0
        assert await self.desk.count_dispatches() == 0

    async def history(self) -> list[ProjectEvent]:
        """Return all that happened, oldest first."""
        events, cursor = list[ProjectEvent](), None
        while True:
            asked = requests.list_events(limit=200, cursor=cursor)
            page = await self.desk.list_events(self._caller, asked)
            events += page.events
            cursor = page.next_cursor
            if not page.events:
                return events

    def _send_until_killed(self) -> None:
        """Run a sender until a random moment before its first message or soon after one."""
        sent = len(self._receiver.messages)
        sender = self._sender(self._send)
        self._receiver.wait_for(sent + self._dice.randint(0, MESSAGES))
        sender.join(self._dice.uniform(0, SECONDS))
        sender.kill()
        sender.join(TIMEOUT)

    def _sender(self, send: Send) -> ForkServerProcess:
        allowed = {"HANDOFF_WEBHOOK_NETWORKS": "127.0.0.0/8"}
        settings = environment(Path(), HANDOFF_BACKEND=address(self._name), **allowed)
        process = FORKS.Process(target=send, args=(settings,))
        process.start()
        return process

    async def _end_leases(self) -> int:
        """Bring the end of every lease forward; return how many there were."""
        ended = await self.desk.database.write(
            lambda tx: tx.fetch_all(
                "UPDATE outbox SET leased_until = '2000-01-01T00:00:00.000Z'"
                " WHERE lease IS NOT NULL RETURNING id"
            )
        )
        return len(ended)


def first_arrivals(receiver: Receiver) -> list[str]:
    """Return what a receiver was told of, in the order in which it first heard of each."""
    return [*dict.fromkeys(message.data["subject_id"] for message in receiver.messages)]


def ids_by_subject(receiver: Receiver) -> dict[str, set[str]]:
    """Return under which ids a receiver was told of each subject."""
    found = dict[str, set[str]]()
    for message in receiver.messages:
        ids = found.setdefault(message.data["subject_id"], set())
        ids.add(message.headers["webhook-id"])
    return found


def assert_told(receiver: Receiver, events: Sequence[ProjectEvent]) -> None:
    """Assert that a receiver heard of each of these, all under one id, and in order per ticket."""
    told = first_arrivals(receiver)
    assert sorted(told) == sorted(event.subject_id for event in events)
    assert {len(ids) for ids in ids_by_subject(receiver).values()} == {1}
    for ticket in {event.ticket for event in events}:
        of_ticket = [event.subject_id for event in events if event.ticket == ticket]
        assert [subject for subject in told if subject in {*of_ticket}] == of_ticket


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_all_that_happens_is_told_under_one_id_and_in_order_though_senders_are_killed(
    request: pytest.FixtureRequest, caller: Caller, name: str
) -> None:
    store = str(request.getfixturevalue(name))
    with Receiver() as receiver, Receiver() as messages:
        killing = Killing(store, caller, receiver, dispatch)
        await add(killing.desk, receiver, events=["ticket", "message"])
        await add(killing.desk, messages, events=["message"])
        for _ in range(ROUNDS):
            await killing.go_on()
        await killing.finish()
        events = await killing.history()
    assert killing.leases, "no kill came while a message was on its way"
    assert_told(receiver, [event for event in events if not event.kind.startswith("project.")])
    assert_told(messages, [event for event in events if event.kind == "message.added"])
    assert [webhook.off_since for webhook in await webhooks_of(killing.desk)] == [None, None]
    await killing.desk.close()
    await assert_whole(store)


async def test_settling_a_message_before_it_is_sent_loses_some(store: Path, caller: Caller) -> None:
    with Receiver() as receiver:
        killing = Killing(str(store), caller, receiver, dispatch_carelessly)
        await add(killing.desk, receiver, events=["ticket", "message"])
        for _ in range(ROUNDS):
            await killing.go_on()
        await killing.finish()
        events = await killing.history()
    await killing.desk.close()
    told = {event.subject_id for event in events if not event.kind.startswith("project.")}
    assert told - {*first_arrivals(receiver)}, "no kill came between a note and its message"
