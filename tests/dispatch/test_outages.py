"""A receiver that is down costs the runs that wait little, and a fresh one next to nothing."""

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatch import dispatcher, pace, sender
from mcp_handoff.dispatch.pace import DOWN_AFTER, SENDERS
from mcp_handoff.dispatches import JITTER, RETRY_SECONDS
from tests import requests
from tests.clock import SteppedClock
from tests.dispatch.receiver import Answer, Receiver
from tests.dispatch.test_dispatch import to, trigger, until

RUNS = 20
PROBING = SENDERS + DOWN_AFTER


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(pace, "PROBE_SECONDS", 0.05)


async def fill(desk: Store, caller: Caller, count: int = RUNS) -> list[str]:
    return [await trigger(desk, caller, f"Fault number {number}") for number in range(count)]


async def attempts(desk: Store, caller: Caller) -> list[int]:
    """Return how often each run was tried, newest first."""
    builds = (await desk.find_builds(caller, requests.find_builds())).items
    return [build.run.attempts for build in builds if build.run]


async def test_a_fresh_run_goes_before_those_that_are_sent_again(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    old = await fill(desk, caller, DOWN_AFTER - 1)
    with Receiver(*[Answer(500)] * len(old), Answer()) as receiver:
        await to(receiver, desk).send_due()
        clock.advance(seconds=RETRY_SECONDS[0] * (1 + JITTER))
        fresh = await trigger(desk, caller)
        await to(receiver, desk).send_due()
    assert receiver.ids()[len(old)] == fresh
    assert sorted(receiver.ids()[len(old) + 1 :]) == sorted(old)


async def test_a_fresh_run_is_the_next_to_probe_a_receiver_that_answers_nothing(
    desk: Store, caller: Caller, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "RESPONSE_SECONDS", 0.2)
    await fill(desk, caller)
    with Receiver(Answer(hangs=True)) as receiver:
        dispatcher = to(receiver, desk)
        await dispatcher.send_due()
        clock.advance(seconds=1)
        await trigger(desk, caller)
        await dispatcher.send_due()
    fresh, *waiting = await attempts(desk, caller)
    assert (fresh, sum(waiting)) == (1, DOWN_AFTER)


async def test_a_receiver_that_is_down_uses_up_no_attempts_of_the_runs_that_wait(
    desk: Store, caller: Caller
) -> None:
    await fill(desk, caller)
    with Receiver(Answer(503)) as receiver:
        made = await to(receiver, desk).send_due()
    assert len(made) == len(receiver.messages) == DOWN_AFTER
    assert sorted(await attempts(desk, caller)) == [0] * (RUNS - DOWN_AFTER) + [1] * DOWN_AFTER


async def test_what_waited_for_a_receiver_that_was_down_is_sent_once_it_answers(
    desk: Store, caller: Caller
) -> None:
    async with desk.changes() as changes:
        runs = await fill(desk, caller)
        with Receiver(*[Answer(503)] * PROBING, Answer()) as receiver:
            async with to(receiver, desk).running():
                await until(changes, "build.dispatched", RUNS - PROBING)
    assert set(receiver.ids()) == set(runs)
