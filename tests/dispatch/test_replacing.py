"""A build under way is given up for a new one: once, and whatever happens to the old one."""

import asyncio

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.dispatches import Attempt
from tests import requests
from tests.dispatch.receiver import Receiver
from tests.dispatch.test_dispatch import run_of, to, trigger
from tests.dispatch.test_report_order import report


async def replace(desk: Store, caller: Caller, build_id: str) -> str:
    """Replace a build of ticket 1; return the id of the run that is then under way."""
    request = requests.trigger_bot_build(1, replaces=build_id)
    triggered = await desk.trigger_bot_build(caller, request)
    return triggered.ticket.ai_output["build_run"]["id"]


async def test_of_many_that_replace_one_build_at_once_one_does(desk: Store, caller: Caller) -> None:
    await trigger(desk, caller)
    build_id = (await run_of(desk, caller)).build_id
    told = await asyncio.gather(*[replace(desk, caller, build_id) for _ in range(8)])
    assert len(set(told)) == 1
    assert len((await desk.find_builds(caller, requests.find_builds())).items) == 2
    assert await desk.count_dispatches() == 1


async def test_a_run_that_was_replaced_is_sent_no_more_and_its_reports_change_nothing(
    desk: Store, caller: Caller
) -> None:
    old = await trigger(desk, caller)
    leased = await desk.lease_dispatch()
    assert leased is not None
    new = await replace(desk, caller, (await run_of(desk, caller)).build_id)
    await desk.settle_dispatch(leased, Attempt("It gave no answer.", retry_in=5))
    late = await report(desk, old, "succeeded")
    assert (late.status, late.last_error) == ("failed", "Given up by agent-1 for a new one.")
    with Receiver() as receiver:
        await to(receiver, desk).send_due()
    assert receiver.ids() == [new]
    run = await run_of(desk, caller)
    assert (run.id, run.status) == (new, "dispatched")
