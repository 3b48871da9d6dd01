"""Reports come early, late and of runs that were given up: the store stays truthful."""

import pytest

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatches import Attempt
from mcp_handoff.runs import BuildRun, Report, ReportRun
from tests import requests
from tests.dispatch.test_dispatch import run_of, trigger

RECEIVER = Caller(Actor(role="bot", source="report"))


async def report(desk: Store, run_id: str, status: Report) -> BuildRun:
    return (await desk.report_run(RECEIVER, ReportRun(run_id=run_id, status=status))).run


@pytest.mark.parametrize("ended", [Attempt(), Attempt("It gave no answer.", retry_in=5)])
async def test_a_report_that_comes_before_the_receivers_answer_proves_the_dispatch(
    desk: Store, caller: Caller, ended: Attempt
) -> None:
    run_id = await trigger(desk, caller)
    leased = await desk.lease_dispatch()
    assert leased is not None
    await report(desk, run_id, "running")
    await desk.settle_dispatch(leased, ended)
    run = await run_of(desk, caller)
    assert (run.status, run.attempts, run.last_error) == ("running", 1, None)
    assert run.dispatched_at == "2026-11-02T09:30:00.000Z"
    assert await desk.count_dispatches() == 0


async def test_a_report_ends_the_attempts_of_a_receiver_that_answers_badly(
    desk: Store, caller: Caller
) -> None:
    run_id = await trigger(desk, caller)
    leased = await desk.lease_dispatch()
    assert leased is not None
    await desk.settle_dispatch(leased, Attempt("It gave no answer.", retry_in=5))
    await report(desk, run_id, "succeeded")
    run = await run_of(desk, caller)
    assert (run.status, run.last_error, run.next_attempt_at) == ("succeeded", None, None)
    assert await desk.count_dispatches() == 0


async def test_settling_twice_counts_once(desk: Store, caller: Caller) -> None:
    await trigger(desk, caller)
    leased = await desk.lease_dispatch()
    assert leased is not None
    for ended in (Attempt(), Attempt(), Attempt("Too late.", retry_in=5)):
        await desk.settle_dispatch(leased, ended)
    run = await run_of(desk, caller)
    assert (run.status, run.attempts, run.last_error) == ("dispatched", 1, None)


async def test_a_run_that_was_given_up_and_works_after_all_leaves_no_error(
    desk: Store, caller: Caller
) -> None:
    run_id = await give_up(desk, caller)
    await report(desk, run_id, "succeeded")
    build = (await desk.find_builds(caller, requests.find_builds())).items[0]
    assert (build.status, build.error_message) == ("ready", None)


async def test_a_ticket_shows_its_newest_run_though_an_older_one_reports(
    desk: Store, caller: Caller
) -> None:
    older = await give_up(desk, caller)
    newer = (await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))).ticket
    assert (await report(desk, older, "running")).status == "running"
    detail = await desk.get_ticket(caller, requests.get_ticket(1))
    assert (detail.ticket.ai_output or {})["build_run"] == newer.ai_output["build_run"]


async def give_up(desk: Store, caller: Caller) -> str:
    """Return the id of a run whose receiver takes no more."""
    run_id = await trigger(desk, caller)
    leased = await desk.lease_dispatch()
    assert leased is not None
    await desk.settle_dispatch(leased, Attempt("The receiver answered 410."))
    return run_id
