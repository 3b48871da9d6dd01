"""A receiver that takes a run and never reports: the run ends, and can be triggered anew."""

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatches import Attempt
from mcp_handoff.runs import Report
from mcp_handoff.store import reports
from mcp_handoff.upkeep import upkeep
from tests import requests
from tests.clock import SteppedClock
from tests.dispatch.test_dispatch import run_of, trigger, until
from tests.dispatch.test_report_order import report

HOURS = 24


async def dispatched(desk: Store, caller: Caller, title: str = "Checkout fails") -> str:
    """Return the id of a run whose receiver has taken it."""
    run_id = await trigger(desk, caller, title)
    leased = await desk.lease_dispatch()
    assert leased is not None
    await desk.settle_dispatch(leased, Attempt())
    return run_id


async def test_a_run_that_is_not_heard_of_in_time_has_failed_wherever_it_is_shown(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    await dispatched(desk, caller)
    clock.advance(hours=HOURS, seconds=-1)
    await desk.end_overdue_runs(HOURS)
    assert (await run_of(desk, caller)).status == "dispatched"
    clock.advance(seconds=1)
    await desk.end_overdue_runs(HOURS)
    run = await run_of(desk, caller)
    assert (run.status, run.last_error) == ("failed", "No report in 24 h.")
    detail = await desk.get_ticket(caller, requests.get_ticket(1))
    [build] = detail.builds
    assert (build.status, build.error_message) == ("failed", "No report in 24 h.")
    event = detail.events[0]
    assert (event.kind, event.source, event.actor_id) == ("build.failed", "system", "deadline")
    assert await trigger_anew(desk, caller) != run.id


async def test_every_report_puts_the_deadline_off_a_repeated_one_too(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    run_id = await dispatched(desk, caller)
    for _ in range(3):
        clock.advance(hours=HOURS - 1)
        await report(desk, run_id, "running")
        await desk.end_overdue_runs(HOURS)
    assert (await run_of(desk, caller)).status == "running"


async def test_a_run_that_waits_for_its_receiver_is_not_overdue(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    await trigger(desk, caller)
    clock.advance(days=30)
    await desk.end_overdue_runs(HOURS)
    assert (await run_of(desk, caller)).status == "queued"


@pytest.mark.parametrize(
    ("late", "build_status"),
    [("running", "building"), ("succeeded", "ready"), ("failed", "failed")],
)
async def test_a_report_that_comes_after_the_deadline_counts(
    desk: Store, caller: Caller, clock: SteppedClock, late: Report, build_status: str
) -> None:
    run_id = await dispatched(desk, caller)
    clock.advance(hours=HOURS)
    await desk.end_overdue_runs(HOURS)
    assert (await report(desk, run_id, late)).last_error is None
    assert (await run_of(desk, caller)).status == late
    build = (await desk.find_builds(caller, requests.find_builds())).items[0]
    assert build.status == build_status
    final = await report(desk, run_id, "succeeded")
    assert final.status == ("failed" if late == "failed" else "succeeded")


async def test_however_many_are_overdue_all_of_them_end(
    desk: Store, caller: Caller, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "OVERDUE_BATCH", 2)
    for number in range(5):
        await dispatched(desk, caller, f"Fault number {number}")
    clock.advance(hours=HOURS)
    await desk.end_overdue_runs(HOURS)
    builds = (await desk.find_builds(caller, requests.find_builds())).items
    assert [build.status for build in builds] == ["failed"] * 5


async def test_upkeep_ends_what_is_overdue(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    await dispatched(desk, caller)
    clock.advance(hours=1)
    async with desk.changes() as changes, upkeep(desk, 3600, keep_keys_days=30, build_timeout=1):
        await until(changes, "build.failed", 1)


async def trigger_anew(desk: Store, caller: Caller) -> str:
    """Trigger the build of ticket 1 again; return the id of its run."""
    again = await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
    return again.ticket.ai_output["build_run"]["id"]
