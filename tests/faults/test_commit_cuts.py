"""A connection to PostgreSQL that is lost at any message from COMMIT on does nothing twice."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from mcp_handoff.errors import HandoffError
from mcp_handoff.postgres import database
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.postgres.transaction import Connection, transact
from mcp_handoff.store.store_backend import StoreBackend
from tests.faults.postgres_proxy import Cut, PostgresProxy
from tests.faults.writes import PREPARED, Case, Desk, Prepare, opened
from tests.postgres import Server
from tests.proofs import SEED, WIDE

pytestmark = pytest.mark.proof

SECONDS = 60

EVERY = 1_000
CUTS = EVERY if WIDE else 4
"""At how many messages each operation is cut at most, drawn from all from COMMIT on."""

TIMES = {"done": (1,), "OUTCOME_UNKNOWN": (0, 1), "BACKEND_UNAVAILABLE": (0,)}
"""How often an operation may have been done, by what its caller was told."""


@pytest.fixture(scope="module")
def url(postgres_server: Server) -> Iterator[str]:
    with postgres_server.schema() as made:
        anyio.run(PostgresDatabase.open(made).close)
        yield made


@pytest.mark.parametrize("operation", PREPARED)
async def test_what_is_cut_from_its_commit_on_is_done_once_or_unknown_and_never_twice(
    url: str, operation: str
) -> None:
    assert await doubled_or_lost(url, PREPARED[operation]) == []


async def test_to_ask_the_server_once_more_after_a_commit_would_do_some_twice(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_once_more(connection: Connection, *arguments: Any, **options: Any) -> Any:
        done = transact(connection, *arguments, **options)
        connection.execute("SELECT 1")
        return done

    monkeypatch.setattr(database, "transact", ask_once_more)
    assert await doubled_or_lost(url, PREPARED["create_build"], EVERY) != []


def test_every_operation_that_writes_is_cut() -> None:
    made_by_write = StoreBackend.add_message.__code__
    methods = vars(StoreBackend).values()
    writes = {made.__name__ for made in methods if getattr(made, "__code__", None) is made_by_write}
    # A store is opened for its one organization once, and for that one again without a write.
    # Takes that are renewed twice are as they are after once.
    assert writes - {"open_organization", "renew"} <= PREPARED.keys()


async def doubled_or_lost(
    url: str, prepare: Prepare, cuts: int = CUTS
) -> list[tuple[Cut, str, int]]:
    """Cut an operation in one place after the other; return where it was done more or less often
    than its caller was told."""
    dice = random.Random(f"{SEED} {prepare.__name__}")
    wrong: list[tuple[Cut, str, int]] = []
    async with (
        PostgresProxy.before(url) as proxy,
        opened(url) as whole,
        opened(proxy.url) as cut,
        asyncio.timeout(SECONDS),
    ):
        desk = Desk(whole, url)
        await (await prepare(desk)).call(cut)
        places = [Cut(side, n) for side, passed in proxy.passed.items() for n in range(passed)]
        for place in dice.sample(places, min(cuts, len(places))):
            case = await prepare(desk)
            with proxy.cutting(place) as settled:
                told = await outcome(case, cut)
                await settled.wait()
            times = desk.count(case.times)
            if times not in TIMES.get(told, ()):
                wrong.append((place, told, times))
    return wrong


async def outcome(case: Case, backend: StoreBackend) -> str:
    try:
        await case.call(backend)
    except HandoffError as error:
        return error.code
    return "done"
