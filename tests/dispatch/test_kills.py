"""A sender may be killed at any moment: every run arrives, and none is marked that did not."""

import random
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.ids import new_id
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests.backends.invariants import assert_whole
from tests.dispatch.receiver import Receiver
from tests.dispatch.senders import Send, dispatch, dispatch_carelessly, sender
from tests.dispatch.test_dispatch import trigger
from tests.http.served import Served
from tests.mcp.wire import TIMEOUT, Wire, environment
from tests.proofs import seeds

pytestmark = pytest.mark.proof

KILLS = 45
"""Kills of `mcp-handoff dispatch` on one store: 90 in two stores, and ten of servers."""

WAITING = 25
"""Runs that wait when a sender starts: more than it can send before it is killed."""

MESSAGES = 5
"""Within which a sender is killed, or before the first."""

SECONDS = 0.01
"""What one message takes, all in all: the kill comes anywhere in it."""


@pytest.mark.parametrize("seed", seeds(2))
async def test_every_run_arrives_though_its_senders_are_killed(
    store: Path, caller: Caller, seed: int
) -> None:
    with Receiver() as receiver:
        triggered = await killed(store, caller, receiver, seed)
        process = sender(dispatch, store, receiver.url)
        process.join(TIMEOUT)
        assert process.exitcode == 0
    assert set(receiver.ids()) == triggered
    assert states(store) == dict.fromkeys(triggered, "dispatched")
    await assert_whole(store)


async def test_marking_a_run_before_it_is_sent_loses_some(store: Path, caller: Caller) -> None:
    dice = random.Random(0)
    with Receiver() as receiver:
        for _ in range(KILLS):
            await fill(store, caller)  # by its end what was on its way is there
            if dispatched(store) - {*receiver.ids()}:
                return
            send_until_killed(dispatch_carelessly, store, receiver, dice)
            end_leases(store)
    pytest.fail("no kill came between a mark and its message")


@pytest.mark.parametrize("kind", ["serve", "stdio"])
async def test_every_run_arrives_though_the_servers_that_send_are_killed(
    store: Path, caller: Caller, kind: str
) -> None:
    dice, triggered = random.Random(0), set[str]()
    with Receiver() as receiver:
        for _ in range(5):
            triggered |= await fill(store, caller)
            serve_until_killed(kind, store, receiver, dice)
            assert dispatched(store) <= {*receiver.ids()}
            end_leases(store)
        sender(dispatch, store, receiver.url).join(TIMEOUT)
    assert {*receiver.ids()} == triggered == dispatched(store)
    await assert_whole(store)


async def killed(store: Path, caller: Caller, receiver: Receiver, seed: int) -> set[str]:
    """Kill sender after sender; return the runs that were triggered."""
    dice, triggered, in_flight = random.Random(seed), set[str](), 0
    for _ in range(KILLS):
        triggered |= await fill(store, caller)
        send_until_killed(dispatch, store, receiver, dice)
        in_flight += end_leases(store)
        assert dispatched(store) <= {*receiver.ids()}
    assert in_flight, "no kill came while a run was on its way"
    return triggered


async def fill(store: Path, caller: Caller) -> set[str]:
    """Trigger builds until enough runs wait; return the new ones."""
    desk = StoreBackend(SqliteDatabase.open(store))
    missing = WAITING - await desk.count_dispatches()
    # No other SQLite of this process may look while it is open: its closing would drop our locks.
    made = {await trigger(desk, caller, f"Fault {new_id()}") for _ in range(missing)}
    await desk.close()
    return made


def send_until_killed(send: Send, store: Path, receiver: Receiver, dice: random.Random) -> None:
    """Run a sender until a random moment before its first message or soon after one."""
    sent = len(receiver.messages)
    process = sender(send, store, receiver.url)
    receiver.wait_for(sent + dice.randint(0, MESSAGES))
    process.join(dice.uniform(0, SECONDS))
    process.kill()
    process.join(TIMEOUT)


def serve_until_killed(kind: str, store: Path, receiver: Receiver, dice: random.Random) -> None:
    """Run a server until a random moment after its first message; leaving it is a kill -9."""
    sent, url = len(receiver.messages), {"BUILD_DISPATCH_URL": receiver.url}
    server = Served(store, **url) if kind == "serve" else Wire(environment(store, **url))
    with server as running, suppress(subprocess.TimeoutExpired):
        receiver.wait_for(sent + dice.randint(1, MESSAGES))
        running.process.wait(dice.uniform(0, SECONDS))


def states(store: Path) -> dict[str, str]:
    with closing(sqlite3.connect(store)) as connection:
        return dict(connection.execute("SELECT id, status FROM build_runs").fetchall())


def dispatched(store: Path) -> set[str]:
    return {run for run, status in states(store).items() if status == "dispatched"}


def end_leases(store: Path) -> int:
    """Bring the end of every lease forward to now; return how many there were."""
    with closing(sqlite3.connect(store)) as connection, connection:
        ended = connection.execute(
            "UPDATE outbox SET leased_until = '2000-01-01T00:00:00.000Z' WHERE lease IS NOT NULL"
        )
        return ended.rowcount
