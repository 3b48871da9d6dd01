"""What a search may cost, and whom it may keep waiting."""

import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from mcp import Client

from mcp_handoff.errors import TookTooLong
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.tokens import CreateToken
from tests.databases import EVERY_DATABASE, open_database
from tests.http.served import OPERATOR, Served, make_project
from tests.mcp.agent import Agent

pytestmark = pytest.mark.proof

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
SECONDS = 30
MANY = 20
"""More than any store has connections."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("searches") / "handoff.db"
    make_project(store, "default")
    with Served(store) as running:
        yield running


@pytest.mark.parametrize(
    ("query", "counted"),
    [
        ("a* " * 66, "66 and 66"),
        ("a*b*c*d*e*", "5 and 5"),
        ("a " * 33, "33 and 0"),
        ("_".join("a" * 33), "33 and 0"),
    ],
    ids=["beginnings", "beginnings without spaces", "words", "words in one"],
)
def test_a_query_of_too_many_words_is_refused_with_the_limits(
    served: Served, query: str, counted: str
) -> None:
    refused = served.http.get("/api/projects/default/tickets", params={"q": query})
    assert refused.status_code == 400
    why = refused.json()["fieldErrors"]["query"]
    assert why == f"must have at most 32 words, 4 of them ending in *; it has {counted}"


async def test_a_tool_refuses_such_a_query_too(served: Served) -> None:
    async with Client(f"{served.url}/mcp") as client:
        error = await Agent(client).refusal("find_tickets", {"query": "a* " * 5})
        await Agent(client).call("find_tickets", query="a* b* c* d*")
    assert list(error["fields"]) == ["query"]


async def test_a_read_that_takes_too_long_is_given_up_and_its_connection_reads_on(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_handoff.sqlite.readers.READ_SECONDS", 0.1)
    monkeypatch.setattr("mcp_handoff.sqlite.database.READERS", 1)
    database = SqliteDatabase.open(store)
    with anyio.fail_after(SECONDS):
        for _ in range(2):
            with pytest.raises(TookTooLong, match="ask for less"):
                await database.read(lambda tx: tx.fetch_all(ENDLESS))
            assert await database.read(lambda tx: tx.fetch_one("SELECT 1 AS one")) == {"one": 1}
    await database.close()


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_a_token_is_checked_while_every_other_reader_is_busy(
    name: str, request: pytest.FixtureRequest
) -> None:
    store = StoreBackend(open_database(str(request.getfixturevalue(name))))
    made = await store.create_token(OPERATOR, CreateToken(name="ada", role="user"))
    release = threading.Event()

    def block(tx: Transaction) -> None:
        release.wait(SECONDS)

    with anyio.fail_after(SECONDS / 2):
        async with anyio.create_task_group() as reading:
            for _ in range(MANY):
                reading.start_soon(store.database.read, block)
            await anyio.wait_all_tasks_blocked()
            principal = await store.authenticate(made.secret)
            assert principal is not None
            assert principal.name == "ada"
            release.set()
    await store.close()
