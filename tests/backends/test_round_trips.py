"""How often a write waits for PostgreSQL: over a network that is what it takes."""

from collections.abc import AsyncIterator, Awaitable
from itertools import pairwise
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.builds import GetBuild
from mcp_handoff.dispatches import Attempt
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.postgres.opening import prepare
from mcp_handoff.postgres.pool import Pool
from mcp_handoff.postgres.transaction import Connection
from mcp_handoff.runs import ReportRun
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.webhooks import AddWebhook
from tests import requests


class Wire:
    """What goes over the one connection of a store, as the driver's library writes it down."""

    def __init__(self, record: Path) -> None:
        self._record = record

    def attach(self, connection: Connection) -> None:
        self._connection = connection.pgconn

    async def round_trips(self, call: Awaitable[object]) -> list[int]:
        """Return how often each transaction of a call waits, none of which notifies anybody: for
        each Flush, and for the Sync behind its COMMIT, but not for the Flush that leaves the
        pipeline. That follows the Sync, unless its response was there already."""
        with self._record.open("w+") as record:
            self._connection.trace(record.fileno())
            await call
            self._connection.untrace()
            record.seek(0)
            written = record.read()
        assert "pg_notify" not in written
        messages = [line.split("\t") for line in written.splitlines()]
        sent = [kind for _, side, _, kind, *_ in messages if side == "F"]
        waits = "".join(
            kind[0]
            for before, kind in pairwise(["Sync", *sent])
            if kind == "Sync" or (kind == "Flush" and before != "Sync")
        )
        return [len(flushes) + 1 for flushes in waits.split("S")[:-1]]


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path / "wire")


@pytest.fixture
async def desk(postgres: str, wire: Wire, caller: Caller) -> AsyncIterator[Store]:
    """A store on one connection, with two tickets."""
    address = prepare(postgres, read_only=False)
    pool = Pool(address, size=1)
    with pool.connection() as connection:
        wire.attach(connection)
    opened = StoreBackend(PostgresDatabase(address, pool, None, read_only=False))
    for number in range(2):
        await opened.create_ticket(caller, requests.create_ticket(title=f"Fault {number}"))
    yield opened
    await opened.close()


async def test_a_create_waits_five_times_two_of_these_to_look_for_similar_tickets(
    desk: Store, caller: Caller, wire: Wire
) -> None:
    request = requests.create_ticket()
    assert await wire.round_trips(desk.create_ticket(caller, request)) == [5]
    keyed = requests.create_ticket(idempotency_key="k")
    assert await wire.round_trips(desk.create_ticket(caller, keyed)) == [6]


async def test_a_trigger_waits_five_times(desk: Store, caller: Caller, wire: Wire) -> None:
    trigger = requests.trigger_bot_build(1)
    assert await wire.round_trips(desk.trigger_bot_build(caller, trigger)) == [5]
    assert await wire.round_trips(desk.trigger_bot_build(caller, trigger)) == [5]


async def test_to_suggest_waits_three_times_and_to_close_seven(
    desk: Store, caller: Caller, wire: Wire
) -> None:
    suggest = requests.suggest_close(1)
    assert await wire.round_trips(desk.suggest_close(caller, suggest)) == [3]
    [one] = (await desk.list_suggestions(caller, requests.list_suggestions())).suggestions
    execute = requests.execute(one.id)
    assert await wire.round_trips(desk.act_on_suggestion(caller, execute)) == [7]


async def test_to_suggest_for_a_commit_asks_also_what_is_pending_and_which_repositories_are_linked(
    desk: Store, caller: Caller, wire: Wire
) -> None:
    suggest = requests.suggest_close(1, merge_sha="9f2c1e7")
    assert await wire.round_trips(desk.suggest_close(caller, suggest)) == [5]
    assert await wire.round_trips(desk.suggest_close(caller, suggest)) == [4]


async def test_a_dispatch_is_leased_with_four_waits_settled_with_three_and_reported_with_two(
    desk: Store, caller: Caller, wire: Wire
) -> None:
    await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
    assert await wire.round_trips(desk.lease_dispatch()) == [4]
    await desk.trigger_bot_build(caller, requests.trigger_bot_build(2))
    leased = await desk.lease_dispatch()
    assert leased is not None
    assert await wire.round_trips(desk.settle_dispatch(leased, Attempt())) == [3]
    report = ReportRun(run_id=leased.id, status="running")
    assert await wire.round_trips(desk.report_run(caller, report)) == [2]


async def test_a_write_waits_no_longer_for_webhooks_that_hear_of_it(
    desk: Store, caller: Caller, wire: Wire
) -> None:
    for number in range(3):
        await desk.add_webhook(caller, AddWebhook(url=f"https://hooks.invalid/{number}"))
    assert await wire.round_trips(desk.create_ticket(caller, requests.create_ticket())) == [5]


async def test_a_message_is_leased_with_six_waits_and_settled_with_three(
    desk: Store, caller: Caller, wire: Wire
) -> None:
    await desk.add_webhook(caller, AddWebhook(url="https://hooks.invalid/"))
    await desk.add_message(caller, requests.add_message(1, "Half is done."))
    await desk.queue_events()
    assert await wire.round_trips(desk.lease_dispatch()) == [6]
    await desk.add_message(caller, requests.add_message(2, "All is done."))
    await desk.queue_events()
    leased = await desk.lease_dispatch()
    assert leased is not None
    assert await wire.round_trips(desk.settle_dispatch(leased, Attempt())) == [3]


async def test_an_update_of_a_build_waits_four_times(
    desk: Store, caller: Caller, wire: Wire
) -> None:
    triggered = await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
    build = triggered.ticket.ai_output["build_run"]["build_id"]
    update = requests.update_build(build, description="Nightly")
    assert await wire.round_trips(desk.update_build(caller, update)) == [4]
    assert (await desk.get_build(caller, GetBuild(build_id=build))).description == "Nightly"


async def test_a_report_of_a_build_waits_six_times_and_to_register_one_seven(
    desk: Store, caller: Caller, wire: Wire
) -> None:
    triggered = await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
    build = triggered.ticket.ai_output["build_run"]["build_id"]
    report = requests.report_build("running", build_id=build)
    assert await wire.round_trips(desk.report_build(caller, report)) == [6]
    named = {"ticket": 1, "build_ref": "88", "provider": "ci"}
    report = requests.report_build("running", **named)
    assert await wire.round_trips(desk.report_build(caller, report)) == [7]
