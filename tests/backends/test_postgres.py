"""A database that is reached over a network: what may go wrong with it, and what is said then."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

import anyio
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from mcp_handoff.actors import Caller
from mcp_handoff.changes import ChangeFeed
from mcp_handoff.config import read_settings
from mcp_handoff.errors import (
    BackendUnavailable,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    TookTooLong,
)
from mcp_handoff.events import Change
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.postgres.listener import Listener
from mcp_handoff.postgres.opening import Address
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests import requests
from tests.backends.invariants import assert_whole
from tests.backends.rivals import racers, told_at_once
from tests.backends.wording import assert_own_words
from tests.clusters import PASSWORD
from tests.mcp.wire import environment
from tests.postgres import Server

pytestmark = pytest.mark.proof

SECONDS = 60
TURNS = 5
"""Empty databases that eight processes open at once."""

ADD = "INSERT INTO organizations (id, slug, created_at) VALUES (:id, :id, '')"
END_OWN_CONNECTION = "SELECT pg_terminate_backend(pg_backend_pid())"

ResultT = TypeVar("ResultT")


@pytest.fixture
def kept(postgres: str) -> str:
    """The URL of a store that was made and closed."""
    anyio.run(PostgresDatabase.open(postgres).close)
    return postgres


@pytest.fixture
async def opened(postgres: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase.open(postgres)
    yield database
    await database.close()


async def test_eight_processes_that_open_an_empty_database_at_once_make_it_once_and_all_work(
    postgres_server: Server,
) -> None:
    with ExitStack() as stack:
        empties = [stack.enter_context(postgres_server.schema()) for _ in range(TURNS)]
        async with racers(8) as rivals:
            for empty in empties:
                answers = await told_at_once(rivals, f"open_and_create {empty}")
                assert [answer.get("message") for answer in answers] == [None] * 8
                assert sorted(answer["numbers"] for answer in answers) == [[n] for n in range(1, 9)]
                await assert_whole(empty)


def test_another_programs_schema_is_refused_and_left_as_it_was(postgres: str) -> None:
    execute(postgres, "CREATE TABLE songs (title TEXT)")
    assert "another program's tables" in refusal(postgres)
    assert execute(postgres, TABLES) == [("songs",)]


def test_a_newer_programs_store_is_refused_with_both_versions(kept: str) -> None:
    [(known,)] = execute(kept, "SELECT max(version) FROM handoff_schema")
    execute(kept, "INSERT INTO handoff_schema VALUES (99)")
    assert f"newer mcp-handoff (schema 99, this one knows {known})" in refusal(kept)


def test_a_store_that_is_not_there_is_not_made_by_reading(postgres: str) -> None:
    assert "a read-only server does not make it" in refusal(postgres, read_only=True)
    assert execute(postgres, TABLES) == []


async def test_a_store_opened_for_reading_is_read_and_can_not_be_written(
    kept: str,
) -> None:
    database = PostgresDatabase.open(kept, read_only=True)
    with pytest.raises(BackendUnavailable, match="opened for reading only"):
        await database.write(lambda tx: tx.execute(ADD, id="x"))
    [row] = await database.read(lambda tx: tx.fetch_all("SHOW transaction_read_only"))
    assert row == {"transaction_read_only": "on"}
    await database.close()


async def test_a_schema_can_be_named_where_a_pooler_takes_no_options(
    kept: str, caller: Caller
) -> None:
    by_setting = kept.replace("options=-csearch_path%3D", "search_path=")
    backend = StoreBackend(PostgresDatabase.open(by_setting))
    with anyio.fail_after(SECONDS):
        async with backend.changes() as changes:
            await backend.create_ticket(caller, requests.create_ticket())
            assert (await anext(changes)).kind == "project.created"
    await backend.close()
    assert execute(kept, "SELECT number FROM tickets") == [(1,)]


async def test_a_repeat_is_found_while_others_wait_for_their_numbers(
    opened: PostgresDatabase, postgres: str, caller: Caller
) -> None:
    backend = StoreBackend(opened)
    first = await backend.create_ticket(caller, requests.create_ticket())
    with psycopg.connect(postgres) as other:
        other.execute("SELECT 1 FROM projects FOR NO KEY UPDATE")
        with anyio.fail_after(SECONDS):
            repeated = await backend.create_ticket(caller, requests.create_ticket())
    assert (repeated.ticket.id, repeated.deduplicated) == (first.ticket.id, True)


async def test_a_commit_waits_for_the_disk_whatever_the_servers_default(postgres: str) -> None:
    database = PostgresDatabase.open(f"{postgres}%20-csynchronous_commit%3Doff")
    shown = "SHOW synchronous_commit"
    assert await database.read(lambda tx: tx.fetch_one(shown)) == {"synchronous_commit": "off"}
    assert await database.write(lambda tx: tx.fetch_one(shown)) == {"synchronous_commit": "on"}
    await database.close()


async def test_text_that_looks_like_a_parameter_is_left_as_it_is(opened: PostgresDatabase) -> None:
    query = "SELECT ':a %(b)s 100%' AS text, '7'::integer AS number, '' || :a AS given"
    row = await opened.read(lambda tx: tx.fetch_one(query, a="it's :b %s"))
    assert row == {"text": ":a %(b)s 100%", "number": 7, "given": "it's :b %s"}


async def test_a_connection_lost_while_committing_leaves_the_outcome_unknown(
    opened: PostgresDatabase, postgres: str
) -> None:
    execute(postgres, LOSE_THE_CONNECTION_WHILE_COMMITTING)
    with pytest.raises(OutcomeUnknown, match="Look before a retry") as lost:
        await opened.write(lambda tx: tx.execute(ADD, id="x"))
    assert_own_words(lost.value)
    assert await opened.read(slugs) == []


async def test_a_connection_lost_before_the_commit_is_replaced_and_the_work_done_once(
    opened: PostgresDatabase,
) -> None:
    turns: list[str] = []

    def add(tx: Transaction) -> None:
        tx.execute(ADD, id="x")
        turns.append("x")
        if len(turns) < 3:
            tx.fetch_one(END_OWN_CONNECTION)

    await opened.write(add)
    assert (len(turns), await opened.read(slugs)) == (3, ["x"])


async def test_a_database_that_always_ends_the_connection_is_unavailable_in_our_own_words(
    opened: PostgresDatabase,
) -> None:
    with pytest.raises(BackendUnavailable, match="it can't be reached") as failed:
        await opened.write(lambda tx: tx.fetch_one(END_OWN_CONNECTION))
    assert_own_words(failed.value)


async def test_a_row_that_others_keep_locked_for_too_long_is_reported_and_nothing_is_done(
    opened: PostgresDatabase, postgres: str
) -> None:
    def lock(tx: Transaction) -> None:
        tx.execute("SET LOCAL lock_timeout = '10ms'")
        tx.lock("organizations", "x")

    await opened.write(lambda tx: tx.execute(ADD, id="x"))
    with psycopg.connect(postgres) as other:
        other.execute("SELECT 1 FROM organizations FOR UPDATE")
        with pytest.raises(BackendUnavailable, match="others kept it locked") as locked:
            await opened.write(lock)
    assert_own_words(locked.value)


async def test_what_takes_too_long_is_cancelled_and_a_reading_is_told_to_ask_for_less(
    opened: PostgresDatabase,
) -> None:
    def sleep(tx: Transaction) -> None:
        tx.execute("SET LOCAL statement_timeout = '10ms'")
        tx.fetch_one("SELECT pg_sleep(60)")

    with pytest.raises(TookTooLong, match="ask for less"):
        await opened.read(sleep)
    with pytest.raises(BackendUnavailable, match="took too long and was cancelled") as cancelled:
        await opened.write(sleep)
    assert_own_words(cancelled.value)
    limit = "SHOW statement_timeout"
    assert await opened.read(lambda tx: tx.fetch_one(limit)) == {"statement_timeout": "5s"}
    assert await opened.write(lambda tx: tx.fetch_one(limit)) == {"statement_timeout": "30s"}


async def test_an_operation_that_goes_on_after_a_failed_statement_is_not_acknowledged(
    opened: PostgresDatabase,
) -> None:
    def add(tx: Transaction) -> None:
        with pytest.raises(psycopg.ProgrammingError):
            tx.fetch_one("SELECT nothing")

    with pytest.raises(psycopg.errors.PipelineAborted):
        await opened.write(add)


async def test_of_two_that_wait_for_each_other_both_are_done(opened: PostgresDatabase) -> None:
    meeting = asyncio.Barrier(2)
    loop = asyncio.get_running_loop()
    met: set[str] = set()

    def meet(first: str) -> None:
        if first not in met:
            met.add(first)
            asyncio.run_coroutine_threadsafe(meeting.wait(), loop).result(SECONDS)

    def take(tx: Transaction, first: str, second: str) -> None:
        tx.lock("organizations", first)
        meet(first)
        tx.lock("organizations", second)
        tx.execute("UPDATE organizations SET created_at = created_at || :first", first=first)

    for name in ("a", "b"):
        await opened.write(lambda tx, name=name: tx.execute(ADD, id=name))
    await asyncio.gather(
        opened.write(lambda tx: take(tx, "a", "b")), opened.write(lambda tx: take(tx, "b", "a"))
    )
    row = await opened.read(
        lambda tx: tx.fetch_one("SELECT created_at AS written FROM organizations")
    )
    assert row is not None
    assert sorted(row["written"]) == ["a", "b"]


async def test_a_subscriber_hears_of_a_write_in_another_process(
    opened: PostgresDatabase, postgres: str
) -> None:
    with anyio.fail_after(SECONDS):
        async with opened.changes() as changes, racers(1, postgres) as [writer]:
            await told_at_once([writer], "create_many 2")
            heard = [await anext(changes) for _ in range(3)]
    assert [change.kind for change in heard] == ["project.created", *["ticket.created"] * 2]
    assert [change.reference for change in heard] == [None, "HO-1-shop", "HO-2-shop"]


async def test_a_writer_hears_of_its_own_writes_once_and_nobody_of_what_was_undone(
    opened: PostgresDatabase, caller: Caller
) -> None:
    backend = StoreBackend(opened)
    with anyio.fail_after(SECONDS):
        async with backend.changes() as one, backend.changes() as other:
            with pytest.raises(NotFound):
                await opened.write(publish_and_fail)
            for title in ("First", "Second"):
                await backend.create_ticket(caller, requests.create_ticket(title=title))
            for changes in (one, other):
                heard = [(await anext(changes)).reference for _ in range(3)]
                assert heard == [None, "HO-1-shop", "HO-2-shop"]


def test_whoever_comes_to_listen_once_all_is_closed_starts_nothing() -> None:
    async def run(operation: Callable[[Transaction], ResultT]) -> ResultT:
        raise BackendUnavailable("It is closed.")

    address = Address("", polls=True, search_path=None, prepare_threshold=None)
    listener = Listener(address, run, ChangeFeed())
    listener.stop()
    listener.start()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "wr0ng-s3cret"}, "it refused the user or the password"),
        ({"user": "nobody-here"}, "it refused the user or the password"),
        ({"dbname": "not_there"}, "/not_there can't be used: it has no database of that name"),
        ({"host": "nowhere.invalid"}, "nowhere.invalid:{port}/"),
        ({"port": "1"}, "127.0.0.1:1/{dbname} can't be used: nothing listens there"),
        ({"sslmode": "require"}, "TLS could not be had as sslmode asks for it"),
        ({"sslmode": "sometimes"}, "TLS could not be had as sslmode asks for it"),
        ({"options": "-csearch_path=nowhere"}, "no schema in its search_path"),
        ({"sslmoode": "require"}, "HANDOFF_BACKEND is no address of a PostgreSQL database"),
        ({"changes": "guess"}, "changes must be listen or poll"),
        ({"prepare_threshold": "-1"}, "prepare_threshold must be a number, or none"),
    ],
    ids=[
        *("password", "user", "database", "host", "port", "TLS", "sslmode", "schema", "name"),
        *("changes", "prepare_threshold"),
    ],
)
def test_a_wrong_address_stops_the_start_with_one_line_and_without_the_password(
    postgres: str, store: Path, change: dict[str, str], words: str
) -> None:
    parts = conninfo_to_dict(postgres)
    stopped = run(store, postgres_url(parts | change), "token", "list")
    may_pass = change.keys() <= {"host", "port"}
    assert (stopped.returncode, stopped.stdout) == (1 if may_pass else 2, "")
    assert stopped.stderr.count("\n") == 1
    assert words.format(**parts) in stopped.stderr
    assert "s3cret" not in stopped.stderr


def test_check_names_host_and_database_and_nothing_ever_shows_the_password(
    postgres: str, store: Path
) -> None:
    run(store, postgres, "project", "create", "Shop")
    checked = run(store, postgres, "check", HANDOFF_LOG_LEVEL="DEBUG")
    assert checked.returncode == 0
    place = postgres.partition("@")[2].partition("?")[0]
    assert f"store postgresql://{place}\n" in checked.stdout
    assert "find_tickets      works" in checked.stdout
    settings = read_settings({"HANDOFF_BACKEND": postgres}, store.parent)
    assert PASSWORD not in checked.stdout + checked.stderr + repr(settings)


def test_without_the_driver_the_start_says_how_to_install_it(store: Path) -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None;"
        "from mcp_handoff.cli.commands import main; sys.exit(main(['check']))"
    )
    stopped = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(store, HANDOFF_BACKEND="postgresql://db/x"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (stopped.returncode, stopped.stderr.count("\n")) == (2, 1)
    assert "pip install 'mcp-handoff[postgres]'" in stopped.stderr


TABLES = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"

LOSE_THE_CONNECTION_WHILE_COMMITTING = """
    CREATE FUNCTION lose() RETURNS TRIGGER LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON organizations
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()
"""


def publish_and_fail(tx: Transaction) -> None:
    tx.publish(Change("ticket.created", reference="HO-99-shop"))
    raise NotFound("Oh.")


def slugs(tx: Transaction) -> list[str]:
    return [row["slug"] for row in tx.fetch_all("SELECT slug FROM organizations")]


def refusal(url: str, *, read_only: bool = False) -> str:
    """Return why a database can't be opened."""
    with pytest.raises(Misconfigured) as refused:
        PostgresDatabase.open(url, read_only=read_only)
    assert_own_words(refused.value)
    assert PASSWORD not in refused.value.message
    return refused.value.message


def execute(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def postgres_url(parts: Mapping[str, object]) -> str:
    place = "{user}:{password}@{host}:{port}/{dbname}".format(**parts)
    asked = {name: str(value) for name, value in parts.items() if name not in _PLACE}
    return f"postgresql://{place}?{urlencode(asked, quote_via=quote)}"


_PLACE = ("user", "password", "host", "port", "dbname")


def run(
    store: Path, url: str, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_handoff", *arguments],
        env=environment(store, HANDOFF_BACKEND=url, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
