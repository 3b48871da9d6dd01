"""A triggered build reaches its receiver: once in the best case, at least once in every other."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from standardwebhooks import Webhook

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatch import dispatcher, sender
from mcp_handoff.dispatch.dispatcher import Dispatcher
from mcp_handoff.dispatch.endpoints import BuildEndpoint
from mcp_handoff.dispatch.pace import SENDERS
from mcp_handoff.dispatch.sender import Sender
from mcp_handoff.dispatches import JITTER, LEASE_SECONDS, RETRY_SECONDS, Attempt
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.runs import BuildRun
from tests import requests
from tests.clock import SteppedClock
from tests.dispatch.receiver import Answer, Receiver
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def trigger(desk: Store, caller: Caller, title: str = "Checkout fails") -> str:
    """Return the id of a fresh run."""
    created = await desk.create_ticket(caller, requests.create_ticket(title=title))
    request = requests.trigger_bot_build(created.ticket.id, provider="docker", repo="acme/shop")
    triggered = await desk.trigger_bot_build(caller, request)
    return triggered.ticket.ai_output["build_run"]["id"]


async def run_of(desk: Store, caller: Caller) -> BuildRun:
    """Return the run of the newest build, which its ticket shows too."""
    build = (await desk.find_builds(caller, requests.find_builds())).items[0]
    detail = await desk.get_ticket(caller, requests.get_ticket(str(build.source_id)))
    assert build.run is not None
    assert (detail.ticket.ai_output or {})["build_run"] == build.run.model_dump()
    return build.run


def to(receiver: Receiver, desk: Store, secret: str | None = None) -> Dispatcher:
    builds = BuildEndpoint(receiver.url, secret, "https://desk.example/api")
    return Dispatcher(desk, lambda: Sender(builds), sends_builds=True)


async def test_a_run_is_dispatched_once_under_its_id(desk: Store, caller: Caller) -> None:
    run_id = await trigger(desk, caller)
    with Receiver() as receiver:
        for _ in range(2):
            await to(receiver, desk).send_due()
    assert receiver.ids() == [run_id]
    run = await run_of(desk, caller)
    assert (run.status, run.attempts, run.last_error) == ("dispatched", 1, None)
    assert run.dispatched_at == "2026-11-02T09:30:00.000Z"
    assert await desk.count_dispatches() == 0


async def test_the_receiver_is_told_ids_and_no_description(desk: Store, caller: Caller) -> None:
    run_id = await trigger(desk, caller)
    with Receiver() as receiver:
        await to(receiver, desk).send_due()
    message = receiver.messages[0]
    assert message.data.keys() == {
        "run_id",
        "build_id",
        "project_id",
        "ticket_id",
        "reference",
        "title",
        "provider",
        "repo",
    }
    assert (message.data["run_id"], message.data["reference"]) == (run_id, "HO-1-shop")
    assert "webhook-signature" not in message.headers
    assert "authorization" not in message.headers


async def test_with_a_secret_it_is_signed_and_says_where_to_report(
    desk: Store, caller: Caller
) -> None:
    run_id = await trigger(desk, caller)
    with Receiver() as receiver:
        await to(receiver, desk, SECRET).send_due()
    message = receiver.messages[0]
    told = Webhook(SECRET).verify(message.body, dict(message.headers))
    assert told["type"] == "build.triggered"
    assert message.data["report_url"] == f"https://desk.example/api/runs/{run_id}/report"
    assert message.data["report_token"].startswith("mhr_")
    assert SECRET not in message.body


async def test_what_is_not_taken_is_sent_again_on_the_schedule_until_it_is_given_up(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    run_id = await trigger(desk, caller)
    with Receiver(Answer(500)) as receiver:
        dispatcher = to(receiver, desk)
        for attempts, wait in enumerate(RETRY_SECONDS, start=1):
            await dispatcher.send_due()
            assert len(receiver.messages) == attempts
            run = await run_of(desk, caller)
            assert (run.status, run.attempts) == ("queued", attempts)
            assert run.last_error == "The receiver did not take it: it responded with status 500."
            clock.advance(seconds=wait - 1)
            assert await dispatcher.send_due() == []
            clock.advance(seconds=wait * JITTER + 1.001)
        await dispatcher.send_due()
    assert receiver.ids() == [run_id] * (len(RETRY_SECONDS) + 1)
    build = (await desk.find_builds(caller, requests.find_builds())).items[0]
    assert (build.status, build.run and build.run.status) == ("failed", "dispatch_failed")
    assert await desk.count_dispatches() == 0


async def test_a_run_that_was_given_up_can_be_triggered_anew(desk: Store, caller: Caller) -> None:
    first = await trigger(desk, caller)
    with Receiver(Answer(410), Answer()) as receiver:
        await to(receiver, desk).send_due()
        assert (await run_of(desk, caller)).status == "dispatch_failed"
        again = await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
        await to(receiver, desk).send_due()
    assert receiver.ids() == [first, again.ticket.ai_output["build_run"]["id"]]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(302, {"Location": "http://127.0.0.1:1/"}), "redirect"),
        (Answer(404), "status 404"),
        (Answer(hangs=True), "no response"),
    ],
)
async def test_a_receiver_that_fails_is_told_in_our_words(
    desk: Store,
    caller: Caller,
    answer: Answer,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if answer.hangs:
        monkeypatch.setattr(sender, "RESPONSE_SECONDS", 1.0)
    await trigger(desk, caller)
    with Receiver(answer) as receiver:
        await to(receiver, desk).send_due()
    run = await run_of(desk, caller)
    assert words in (run.last_error or "")
    assert (run.status, run.attempts, len(receiver.messages)) == ("queued", 1, 1)


async def test_a_receiver_that_is_away_is_tried_again(desk: Store, caller: Caller) -> None:
    await trigger(desk, caller)
    with Receiver() as receiver:
        pass
    await to(receiver, desk).send_due()
    run = await run_of(desk, caller)
    assert run.last_error == "The receiver did not take it: it can't be reached, or broke off."
    assert run.next_attempt_at is not None


async def test_a_defect_in_sending_counts_as_an_attempt_and_stops_no_other(
    desk: Store, caller: Caller, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "seconds_of", overflow)
    run_id = await trigger(desk, caller)
    with Receiver(Answer(503), Answer()) as receiver:
        await to(receiver, desk).send_due()
        run = await run_of(desk, caller)
        assert "the log says how" in (run.last_error or "")
        assert (run.status, run.attempts) == ("queued", 1)
        clock.advance(seconds=RETRY_SECONDS[0] * (1 + JITTER))
        await to(receiver, desk).send_due()
    assert receiver.ids() == [run_id] * 2
    assert (await run_of(desk, caller)).status == "dispatched"


async def test_no_proxy_reads_what_a_receiver_on_this_machine_is_told(
    desk: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trigger(desk, caller)
    with Receiver() as receiver, Receiver() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        await to(receiver, desk, SECRET).send_due()
    assert (len(receiver.messages), len(proxy.messages)) == (1, 0)


async def test_a_receiver_may_ask_for_a_longer_wait(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    await trigger(desk, caller)
    with Receiver(Answer(429, {"Retry-After": "3600"}), Answer()) as receiver:
        dispatcher = to(receiver, desk)
        await dispatcher.send_due()
        clock.advance(seconds=3599)
        assert await dispatcher.send_due() == []
        clock.advance(seconds=2)
        await dispatcher.send_due()
    assert (await run_of(desk, caller)).status == "dispatched"


async def test_an_answer_without_end_is_cut_off_unread(desk: Store, caller: Caller) -> None:
    await trigger(desk, caller)
    with Receiver(Answer(endless=True)) as receiver:
        await to(receiver, desk).send_due()
        assert await anyio.to_thread.run_sync(receiver.cut_off.wait, TIMEOUT)
    assert (await run_of(desk, caller)).status == "dispatched"


async def test_no_run_is_sent_by_two_while_a_lease_holds(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    ids = {await trigger(desk, caller, f"Fault number {number}") for number in range(20)}
    with Receiver() as receiver:
        await asyncio.gather(*[to(receiver, desk).send_due() for _ in range(4)])
    assert len(receiver.ids()) == 20
    assert set(receiver.ids()) == ids


async def test_a_lease_that_nobody_settled_comes_back(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    run_id = await trigger(desk, caller)
    leased = await desk.lease_dispatch()
    assert leased is not None
    assert await desk.lease_dispatch() is None
    clock.advance(seconds=LEASE_SECONDS)
    again = await desk.lease_dispatch()
    assert again is not None
    assert (again.id, again.lease == leased.lease) == (run_id, False)
    await desk.settle_dispatch(leased, Attempt())
    assert (await run_of(desk, caller)).status == "queued"
    await desk.settle_dispatch(again, Attempt())
    assert (await run_of(desk, caller)).status == "dispatched"


async def test_an_idle_sender_looks_now_and_then_and_leases_nothing(
    desk: Store, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    leases: list[float] = []
    counted(desk, "is_dispatch_due", looks, monkeypatch)
    counted(desk, "lease_dispatch", leases, monkeypatch)
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", 0.05)
    with Receiver() as receiver:
        async with to(receiver, desk).running():
            while len(looks) < 5:
                await anyio.lowlevel.checkpoint()
    assert looks[-1] - looks[0] >= 4 * 0.05
    assert leases == []


async def test_a_receiver_that_hangs_on_one_run_is_sent_the_others(
    desk: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk.changes() as changes:
        with Receiver(Answer(hangs=True), Answer()) as receiver:
            async with to(receiver, desk).running():
                for number in range(2 * SENDERS):
                    await trigger(desk, caller, f"Fault number {number}")
                await until(changes, "build.dispatched", 2 * SENDERS - 1)
    assert await desk.count_dispatches() == 1


async def test_no_more_runs_are_leased_than_are_being_sent(desk: Store, caller: Caller) -> None:
    for number in range(SENDERS + 2):
        await trigger(desk, caller, f"Fault number {number}")
    with Receiver(Answer(hangs=True)) as receiver:
        async with to(receiver, desk).running():
            await anyio.to_thread.run_sync(receiver.wait_for, SENDERS)
            free = [await desk.lease_dispatch() for _ in range(3)]
    assert [dispatch is None for dispatch in free] == [False, False, True]


@pytest.mark.parametrize("operation", ["is_dispatch_due", "lease_dispatch"])
async def test_a_sender_goes_on_after_the_store_failed(
    desk: Store, caller: Caller, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await trigger(desk, caller)
    act, failures = getattr(desk, operation), [BackendUnavailable("Oh."), ValueError("a defect")]

    async def fail_first(*busy: object) -> object:
        if failures:
            raise failures.pop()
        return await act(*busy)

    monkeypatch.setattr(desk, operation, fail_first)
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", 0)
    with Receiver() as receiver:
        async with to(receiver, desk).running():
            await anyio.to_thread.run_sync(receiver.first)
    assert receiver.ids() == [run_id]


async def test_what_is_on_its_way_when_the_sender_stops_is_given_back(
    desk: Store, caller: Caller
) -> None:
    await trigger(desk, caller)
    with Receiver(Answer(hangs=True)) as receiver:
        async with to(receiver, desk).running():
            await anyio.to_thread.run_sync(receiver.first)
        assert await desk.lease_dispatch() is not None


def overflow(_: str | None) -> float | None:
    raise OverflowError


def counted(
    desk: Store, operation: str, calls: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have the moments at which an operation is called kept in `calls`."""
    act = getattr(desk, operation)

    async def counting(*busy: object) -> object:
        calls.append(anyio.current_time())
        return await act(*busy)

    monkeypatch.setattr(desk, operation, counting)


async def until(changes: AsyncIterator[Change], kind: str, count: int) -> None:
    """Wait until so many changes of a kind have come."""
    with anyio.fail_after(TIMEOUT):
        async for change in changes:
            count -= change.kind == kind
            if not count:
                return
