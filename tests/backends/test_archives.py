"""Archives: all of a store comes out, goes in as it was, once, and whole or not at all."""

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.archives.files import ArchiveFile
from mcp_handoff.progress import Abandoned, untold
from mcp_handoff.store.archive_tables import DERIVED, TABLES
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import READ_SECONDS, Transaction
from tests import requests
from tests.archives import (
    add_twin,
    change,
    exported,
    file_two,
    imported,
    lines_of,
    rows_in,
    small_archive,
)
from tests.backends.children import child
from tests.backends.invariants import assert_whole, check_search_index, damage, halves
from tests.databases import EVERY_DATABASE, open_database
from tests.whole_stores import TEXT, fill

pytestmark = pytest.mark.proof

QUINCES = Caller(bot("agent-1"), project="quinces")


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A store of two projects as an archive, small enough to be spoilt."""
    return small_archive(tmp_path)


async def test_a_store_moves_from_one_database_to_the_other_and_back_byte_for_byte(
    store: Path, postgres: str, tmp_path: Path
) -> None:
    await fill(store)
    here, back, file = await exported(store), tmp_path / "back.db", tmp_path / "archive"
    file.write_text(here)
    kinds = {json.loads(line).get("row") for line in lines_of(here)}
    assert {table.kind for table in TABLES} <= kinds
    moved = await imported(postgres, file)
    assert (moved.problems, sum(moved.added.values())) == ([], rows_in(here))
    file.write_text(await exported(postgres))
    assert file.read_text() == here
    await imported(back, file)
    assert await exported(back) == here
    seen = [await everything_shown(name) for name in (store, postgres, back)]
    assert seen[0] == seen[1] == seen[2]
    wrong = [await found_in(name, halves) for name in (store, postgres, back)]
    assert wrong[0] == wrong[1] == wrong[2]
    assert await found_in(back, damage) == []
    database = open_database(str(back))
    await database.write(check_search_index)
    await database.close()


async def test_a_store_moves_from_postgresql_byte_for_byte(
    store: Path, postgres: str, tmp_path: Path
) -> None:
    await fill(postgres)
    file = tmp_path / "archive"
    file.write_text(await exported(postgres))
    assert (await imported(store, file)).problems == []
    assert await exported(store) == file.read_text()
    assert await everything_shown(store) == await everything_shown(postgres)


async def everything_shown(name: str | Path) -> list[object]:
    """Return what the desk shows of a filled store."""
    backend = StoreBackend(open_database(str(name)))
    shown: list[object] = []
    for project in ("shop", "quinces"):
        caller = Caller(bot("agent-1"), project=project)
        for order in ("newest", "urgency"):
            finding = requests.find_tickets(order=order, limit=2000)
            shown.append(await backend.find_tickets(caller, finding))
        for query in ("quince", "fault", "zur*", "qunce"):
            found = await backend.find_tickets(caller, requests.find_tickets(query=query))
            shown.append([ticket.number for ticket in found.tickets])
        ready = await backend.find_tickets(caller, requests.find_tickets(ready=True))
        shown.append([ticket.number for ticket in ready.tickets])
        for number in range(1, 9):
            shown += [await backend.get_ticket(caller, requests.get_ticket(number))]
        shown.append(await backend.list_suggestions(caller, requests.list_suggestions(limit=100)))
        shown.append(await backend.find_builds(caller, requests.find_builds(limit=100)))
        shown.append(await backend.list_events(caller, requests.list_events(limit=100)))
    await backend.close()
    return shown


async def found_in(name: str | Path, look: Callable[[Transaction], object]) -> object:
    database = open_database(str(name))
    try:
        return await database.read(look)
    finally:
        await database.close()


async def test_work_goes_on_in_a_store_that_was_taken_in(
    request: pytest.FixtureRequest, database_name: str, tmp_path: Path
) -> None:
    source = tmp_path / "source.db"
    await fill(source)
    file = tmp_path / "archive"
    file.write_text(await exported(source))
    await imported(database_name, file)
    backend = StoreBackend(open_database(database_name))
    created = await backend.create_ticket(QUINCES, requests.create_ticket(title="Medlar"))
    assert created.ticket.reference == "HO-9-quinces"
    found = await backend.find_tickets(QUINCES, requests.find_tickets(query="medlar"))
    assert [ticket.number for ticket in found.tickets] == [9]
    read = await backend.get_ticket(QUINCES, requests.get_ticket(1))
    assert read.ticket.description == TEXT.strip()
    taken = await backend.take_ticket(QUINCES, requests.take_ticket("backend", ticket="9"))
    assert taken.fence == 1
    message = await backend.add_message(QUINCES, requests.add_message(9, "Begun."))
    read = await backend.get_ticket(QUINCES, requests.get_ticket(9))
    assert [one.id for one in read.messages] == [message.message.id]
    assert [event.kind for event in read.events][-1] == "ticket.created"
    again = requests.create_ticket(title="Fault n0", roles=["backend"], idempotency_key="n0")
    replayed = await backend.create_ticket(Caller(bot("writer"), project="shop"), again)
    assert replayed.replayed
    await backend.close()


async def test_what_is_taken_in_twice_is_there_once(database_name: str, archive: Path) -> None:
    await imported(database_name, archive)
    before = await exported(database_name)
    again = await imported(database_name, archive)
    rows = rows_in(before)
    assert (dict(again.added), again.present, again.problems) == ({}, rows, [])
    assert await exported(database_name) == before


async def test_an_export_that_is_older_than_the_store_changes_nothing(
    database_name: str, archive: Path
) -> None:
    await imported(database_name, archive)
    backend = StoreBackend(open_database(database_name))
    caller = Caller(bot("agent-1"), project="shop")
    await backend.take_ticket(caller, requests.take_ticket("backend", ticket="1"))
    await backend.close()
    before = await exported(database_name)
    refused = await imported(database_name, archive)
    assert any("ticket" in why and "differs" in why for why in refused.problems)
    assert await exported(database_name) == before


async def test_another_store_is_not_mixed_with_the_one_that_is_there(
    database_name: str, archive: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    await file_two(other)
    file = tmp_path / "other"
    file.write_text(await exported(other))
    await imported(database_name, file)
    before = await exported(database_name)
    refused = await imported(database_name, archive)
    for why in ("another organization default", "another project shop", "another token ci"):
        assert any(why in problem for problem in refused.problems), refused.problems
    assert any("event 1 is there already, and differs" in why for why in refused.problems)
    assert await exported(database_name) == before


async def test_a_store_of_another_organization_takes_nothing_in(
    database_name: str, archive: Path
) -> None:
    backend = StoreBackend(open_database(database_name))
    elsewhere = Caller(bot("agent-1"), project="medlars", organization="acme")
    await backend.create_ticket(elsewhere, requests.create_ticket())
    await backend.close()
    before = await exported(database_name)
    refused = await imported(database_name, archive)
    assert any("line 2: there is another organization" in why for why in refused.problems)
    assert await exported(database_name) == before


async def test_a_token_that_was_revoked_makes_room_for_its_name(
    database_name: str, archive: Path
) -> None:
    change(archive, "token", revoked_at="2026-01-01T00:00:00.000Z")
    add_twin(archive, "token", revoked_at=None)
    assert (await imported(database_name, archive)).problems == []
    add_twin(archive, "token", id="01900000-0000-7000-8000-000000000001", revoked_at=None)
    refused = await imported(database_name, archive)
    assert any("there is another token ci" in why for why in refused.problems)


async def test_a_store_that_was_opened_and_not_used_yet_gives_way(
    database_name: str, archive: Path
) -> None:
    backend = StoreBackend(open_database(database_name))
    await backend.open_organization("default")
    await backend.close()
    taken = await imported(database_name, archive)
    assert (taken.problems, sum(taken.added.values())) == (
        [],
        rows_in(await exported(database_name)),
    )


async def test_a_dry_run_says_what_would_be_and_changes_nothing(
    database_name: str, archive: Path
) -> None:
    before = await exported_when_empty(database_name)
    tried = await imported(database_name, archive, dry_run=True)
    assert await exported(database_name) == before
    assert tried == await imported(database_name, archive)


async def exported_when_empty(name: str) -> str:
    await open_database(name).close()
    return await exported(name)


@pytest.mark.parametrize(
    ("row", "fields", "words"),
    [
        ("ticket", {"title": None}, "title is missing"),
        ("ticket", {"title": 7}, "title is of the wrong type"),
        ("ticket", {"blocking": True}, "blocking is of the wrong type"),
        ("ticket", {"number": "1"}, "number is of the wrong type"),
        ("ticket", {"number": 2**63}, "64 bits"),
        ("ticket", {"title": "a\0b"}, "NUL"),
        ("ticket", {"priority": "urgent"}, "priority must be one of high, medium, low"),
        ("ticket", {"colour": "red"}, "'colour' is no field of a ticket"),
        ("ticket", {"project_id": "nowhere"}, "project_id names nothing"),
        ("role", {"ticket_id": "nowhere"}, "ticket_id names nothing"),
        ("role", {"status": "lost"}, "status must be one of"),
        ("token", {"row": "key"}, "of kind 'key' is not known"),
        ("event", {"row": "project"}, "of kind 'project' comes too late"),
        ("project", {"organization_id": None}, "organization_id is missing"),
    ],
)
async def test_what_does_not_fit_is_listed_and_nothing_is_taken_in(
    database_name: str, archive: Path, row: str, fields: dict[str, Any], words: str
) -> None:
    before = await exported_when_empty(database_name)
    number = change(archive, row, **fields)
    for dry_run in (True, False):
        refused = await imported(database_name, archive, dry_run=dry_run)
        told = [why for why in refused.problems if why.startswith(f"line {number}: ")]
        assert any(words in why for why in told), refused.problems
        assert await exported(database_name) == before


async def test_a_row_that_is_there_twice_is_told(database_name: str, archive: Path) -> None:
    add_twin(archive, "ticket")
    refused = await imported(database_name, archive)
    assert any("there is another ticket" in why for why in refused.problems)


async def test_whoever_gives_up_an_import_leaves_nothing_of_it(
    database_name: str, archive: Path
) -> None:
    before = await exported_when_empty(database_name)
    backend = StoreBackend(open_database(database_name))
    told: list[str] = []

    def give_up(step: str, done: int, total: int | None = None, /) -> None:
        told.append(step)
        if done == total or len(told) == 5:
            raise Abandoned

    with pytest.raises(Abandoned):
        await backend.import_archive(ArchiveFile(archive), give_up, dry_run=False)
    await backend.close()
    assert told == ["Importing"] * 5
    assert await exported(database_name) == before


async def test_an_export_of_a_store_that_is_written_in_is_whole(
    database_name: str, tmp_path: Path
) -> None:
    async with child("writer_process", database_name, "0") as writer:
        for turn in range(3):
            for _ in range(30):
                await writer.line()
            file = tmp_path / f"archive{turn}"
            file.write_text(await exported(database_name))
            copy = tmp_path / f"copy{turn}.db"
            assert (await imported(copy, file)).problems == []
            await assert_whole(copy)


async def test_an_export_takes_little_memory_however_much_there_is(database_name: str) -> None:
    backend = StoreBackend(open_database(database_name))
    for number in range(600):
        request = requests.create_ticket(title=f"Fault {number}", evidence={"log": "word " * 4_000})
        await backend.create_ticket(QUINCES, request)
    size = 0

    def count(line: str) -> None:
        nonlocal size
        size += len(line)

    tracemalloc.start()
    await backend.export_archive(count, untold)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    await backend.close()
    assert size > 600 * 20_000
    assert peak < size / 2


async def test_what_a_person_waits_for_takes_as_long_as_it_takes(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store)
    late = 0.0

    def wait(_: str) -> None:
        nonlocal late
        late += 2 * READ_SECONDS

    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + late)
    backend = StoreBackend(open_database(str(store)))
    assert await backend.export_archive(wait, untold) > 400
    await backend.close()


async def test_no_statement_of_it_is_timed_on_postgresql_either(postgres: str) -> None:
    def timeout(tx: Transaction) -> object:
        return tx.fetch_one("SELECT current_setting('statement_timeout') AS timeout")

    database = open_database(postgres)
    assert await database.read_at_length(timeout) == {"timeout": "0"}
    assert await database.write_at_length(timeout) == {"timeout": "0"}
    assert await database.read(timeout) == {"timeout": f"{READ_SECONDS:.0f}s"}
    await database.close()


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_every_table_and_column_is_exported_or_said_to_be_left_out(
    request: pytest.FixtureRequest, name: str
) -> None:
    columns = (
        "SELECT m.name AS name, c.name AS column_name FROM sqlite_schema m"
        " JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table' AND m.sql LIKE '%STRICT%'"
        if name == "store"
        else "SELECT table_name AS name, column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name <> 'handoff_schema'"
    )
    database = open_database(str(request.getfixturevalue(name)))
    found = await database.read(lambda tx: tx.fetch_all(columns))
    await database.close()
    there = {(row["name"], row["column_name"]) for row in found if row["name"] not in DERIVED}
    known = {(table.name, column) for table in TABLES for column in table.columns}
    left_out = {(table.name, column) for table in TABLES for column in table.left_out}
    assert there == known | left_out
    assert not known & left_out
