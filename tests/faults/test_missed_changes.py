"""A change that was missed leaves a trace: on every way to PostgreSQL subscribers hear of it."""

import gc
from collections.abc import AsyncIterator, Iterator

import anyio
import psutil
import psycopg
import pytest
from psycopg.sql import SQL

from mcp_handoff.events import EVERYTHING
from mcp_handoff.postgres import listener
from mcp_handoff.postgres.announcer import Announcer
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.postgres.journal import Journal
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.tickets import Ticket
from tests import requests
from tests.clusters import Cluster, cluster
from tests.faults.writes import CALLER, opened
from tests.poolers import PoolMode, pgbouncer
from tests.postgres import require_binaries

pytestmark = pytest.mark.proof

SECONDS = 60

LISTENING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO %LISTEN%'"


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server of these tests' own, whose processes they suspend."""
    require_binaries()
    with cluster() as started:
        anyio.run(PostgresDatabase.open(started.url).close)
        yield started


@pytest.fixture
async def desk(server: Cluster) -> AsyncIterator[StoreBackend]:
    async with opened(server.url) as backend:
        yield backend


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(listener, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(listener, "POLL_SECONDS", 0.1)


async def test_a_connection_on_which_listening_does_not_begin_is_closed(
    desk: StoreBackend, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_LISTEN", SQL("SELECT 1 / 0"))
    with anyio.fail_after(SECONDS):
        async with desk.changes() as changes:
            await file(desk, "Read from the events")
            assert (await anext(changes)).kind in (
                "everything",
                "project.created",
                "ticket.created",
            )
    gc.collect()  # it would warn of an open connection


async def test_a_connection_that_keeps_silent_is_given_up_and_its_subscribers_are_told(
    server: Cluster, desk: StoreBackend, hasty: None
) -> None:
    with anyio.fail_after(SECONDS):
        async with desk.changes() as changes:
            [pid] = listening(server.url)
            silent = psutil.Process(pid)
            silent.suspend()
            try:
                async with opened(server.url) as other:
                    await file(other, "While nothing was heard")
                assert await anext(changes) == EVERYTHING
            finally:
                silent.resume()
            await file(desk, "Afterwards")
            while (await anext(changes)).kind != "ticket.created":
                pass


async def test_what_was_committed_by_who_ended_before_it_said_so_is_heard_at_the_next_beat(
    server: Cluster, desk: StoreBackend, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Announcer, "wake", end_before)
    with anyio.fail_after(SECONDS):
        async with desk.changes() as changes, opened(server.url) as other:
            filed = await file(other, "Not announced")
            while (await anext(changes)).reference != filed:
                pass


async def test_who_polls_hears_of_everything_once_and_listens_nowhere(
    server: Cluster, desk: StoreBackend, hasty: None
) -> None:
    await file(desk, "Before")
    others = listening(server.url)  # of earlier tests, as long as the server has not ended them
    with anyio.fail_after(SECONDS):
        async with opened(f"{server.url}?changes=poll") as polling, polling.changes() as changes:
            assert set(listening(server.url)) <= set(others)
            filed = [await file(desk, f"Polled {number}") for number in range(3)]
            heard = [await anext(changes) for _ in range(3)]
    assert [(change.kind, change.reference) for change in heard] == [
        ("ticket.created", reference) for reference in filed
    ]


async def test_an_event_that_commits_after_later_ones_is_read_too_and_none_twice(
    server: Cluster, desk: StoreBackend
) -> None:
    journal = Journal()
    database = desk.database
    await file(desk, "Before")
    assert await database.read(journal.read) == [EVERYTHING]
    with psycopg.connect(server.url) as early:
        early.execute(INSERT_EVENT, ["early"])
        for name in ("late", "later"):
            await database.write(lambda tx, name=name: insert_event(tx, name))
            assert [change.ticket_id for change in await database.read(journal.read)] == [None]
        early.commit()
        assert len(await database.read(journal.read)) == 1
    assert await database.read(journal.read) == []


@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK"])
async def test_whoever_follows_a_history_misses_no_event_that_commits_after_later_ones(
    server: Cluster, desk: StoreBackend, ends: str
) -> None:
    first = await read(desk, await file(desk, f"Filed before any {ends}"))
    _, cursor = await follow(desk, None)
    with psycopg.connect(server.url, autocommit=True) as early:
        early.execute("BEGIN")
        early.execute(INSERT_EVENT_OF, [ends, first.project_id])
        later = await read(desk, await file(desk, f"Filed before the {ends}"))
        assert await follow(desk, cursor) == ([], cursor)
        early.execute(ends.encode())
    subjects, _ = await follow(desk, cursor)
    assert subjects == [*([ends] if ends == "COMMIT" else []), later.id]


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_behind_a_pooler_everything_works_and_every_change_is_heard(
    server: Cluster, desk: StoreBackend, hasty: None, mode: PoolMode
) -> None:
    with anyio.fail_after(SECONDS), pgbouncer(server.url, mode) as url:
        async with opened(url) as pooled, pooled.changes() as changes:
            filed = {await file(desk, f"{mode} {number}") for number in range(8)}
            filed |= {await file(pooled, f"{mode}, pooled {number}") for number in range(8)}
            while filed:
                filed.discard((await anext(changes)).reference)


def end_before(announcer: Announcer) -> None:
    """Announce nothing."""


def listening(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [pid for (pid,) in connection.execute(LISTENING.encode())]


async def file(backend: StoreBackend, title: str) -> str:
    created = await backend.create_ticket(CALLER, requests.create_ticket(title=title))
    assert created.ticket.reference
    return created.ticket.reference


async def read(backend: StoreBackend, name: str) -> Ticket:
    return (await backend.get_ticket(CALLER, requests.get_ticket(name))).ticket


async def follow(desk: StoreBackend, cursor: str | None) -> tuple[list[str], str | None]:
    """Return the subjects of the events after a cursor, and the cursor after the last one."""
    subjects: list[str] = []
    while True:
        page = await desk.list_events(CALLER, requests.list_events(limit=1, cursor=cursor))
        if not page.events:
            return subjects, cursor
        subjects += [event.subject_id for event in page.events]
        cursor = page.next_cursor


INSERT_EVENT_OF = b"""
    INSERT INTO events (kind, subject_id, project_id, actor_role, source, created_at)
    VALUES ('project.created', %s, %s, 'bot', 'bot', '')
"""

INSERT_EVENT = b"""
    INSERT INTO events (kind, subject_id, actor_role, source, created_at)
    VALUES ('project.created', %s, 'bot', 'bot', '')
"""


def insert_event(tx: Transaction, subject: str) -> None:
    tx.execute(
        "INSERT INTO events (kind, subject_id, actor_role, source, created_at)"
        " VALUES ('project.created', :subject, 'bot', 'bot', '')",
        subject=subject,
    )
