"""Archives: all of a store comes out, goes in as it was, once, and whole or not at all."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.archive_files import ArchiveFile
from mcp_handoff.archives import FORMAT, Outcome
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.progress import Abandoned, untold
from mcp_handoff.store.archive_tables import DERIVED, TABLES
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.tokens import CreateToken
from tests import requests
from tests.backends.children import child
from tests.backends.invariants import assert_whole, check_search_index, damage, halves
from tests.databases import EVERY_DATABASE, address, open_database
from tests.http.served import OPERATOR, command
from tests.mcp.wire import environment
from tests.whole_stores import TEXT, fill

QUINCES = Caller(bot("agent-1"), project="quinces")


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A store of two projects as an archive, small enough to be spoilt."""
    store = tmp_path / "small.db"
    anyio.run(file_two, store)
    file = tmp_path / "small.jsonl"
    file.write_text(anyio.run(exported, store))
    return file


async def file_two(store: Path) -> None:
    backend = StoreBackend(open_database(str(store)))
    for project in ("shop", "quinces"):
        caller = Caller(bot("agent-1"), project=project)
        await backend.create_ticket(caller, requests.create_ticket())
    await backend.create_token(OPERATOR, CreateToken(name="ci", role="bot"))
    await backend.close()


async def exported(name: str | Path) -> str:
    """Return a store as an archive."""
    backend = StoreBackend(open_database(str(name), read_only=True))
    lines: list[str] = []
    await backend.export_archive(lines.append, untold)
    await backend.close()
    return "".join(lines)


async def imported(name: str | Path, file: Path, *, dry_run: bool = False) -> Outcome:
    backend = StoreBackend(open_database(str(name)))
    try:
        return await backend.import_archive(ArchiveFile(file), untold, dry_run=dry_run)
    finally:
        await backend.close()


def lines_of(archive: str) -> list[str]:
    """Return the lines of an archive; others than JSON's end lines with other characters too."""
    return archive.split("\n")[:-1]


def rows_in(archive: str) -> int:
    return len(lines_of(archive)) - 2


def change(file: Path, kind: str, /, **fields: Any) -> int:
    """Change the first row of this kind in an archive; return the number of its line."""
    lines = file.read_text().splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if f'{{"row":"{kind}",' in line)
    lines[place] = f"{json.dumps({**json.loads(lines[place]), **fields})}\n"
    file.write_text("".join(lines))
    return place + 1


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


def add_twin(archive: Path) -> None:
    """Add another ticket of the same number to an archive."""
    lines = archive.read_text().splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if '{"row":"ticket",' in line)
    twin = json.loads(lines[place]) | {"id": "01900000-0000-7000-8000-000000000000"}
    lines[-1] = f'{{"row":"end","rows":{len(lines) - 1}}}\n'
    lines.insert(place + 1, f"{json.dumps(twin)}\n")
    archive.write_text("".join(lines))


async def test_a_row_that_is_there_twice_is_told(database_name: str, archive: Path) -> None:
    add_twin(archive)
    refused = await imported(database_name, archive)
    assert any("there is another ticket" in why for why in refused.problems)


def half_a_line(text: bytes) -> bytes:
    return text[: len(text) // 2]


def some_lines(text: bytes) -> bytes:
    return b"".join(text.splitlines(keepends=True)[:4])


def a_line_less(text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    return b"".join([*lines[:3], *lines[4:]])


def more_lines(text: bytes) -> bytes:
    return text + text


def newer(text: bytes) -> bytes:
    return text.replace(b'"mcp_handoff":1', b'"mcp_handoff":%d' % (FORMAT + 1), 1)


def latin(text: bytes) -> bytes:
    return text.replace(b"Checkout", b"Caf\xe9", 1)


def deep(text: bytes) -> bytes:
    return text.replace(b"\n", b"\n" + b"[" * 100_000 + b"\n", 1)


def nothing(_: bytes) -> bytes:
    return b""


def another_list(_: bytes) -> bytes:
    return b"[]\n"


def another_object(_: bytes) -> bytes:
    return b'{"number":1}\n'


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (half_a_line, "is no line of JSON, or half a one"),
        (some_lines, "ends before its last line"),
        (a_line_less, "says at its end that it has"),
        (more_lines, "goes on after its last line"),
        (newer, "was written by a newer mcp-handoff"),
        (latin, "is no line of JSON"),
        (deep, "is no line of JSON"),
        (nothing, "is empty"),
        (another_list, "is no line of JSON"),
        (another_object, "is no export of mcp-handoff"),
    ],
)
def test_what_is_no_archive_takes_one_line_and_nothing_is_taken_in(
    store: Path, archive: Path, spoil: Callable[[bytes], bytes], words: str
) -> None:
    archive.write_bytes(spoil(archive.read_bytes()))
    done = command(store, "import", str(archive))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    assert words in done.stderr
    assert json.loads(anyio.run(exported, store).splitlines()[-1])["rows"] == 0


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


def test_the_commands_move_a_store(store: Path, postgres: str, archive: Path) -> None:
    settings = {"HANDOFF_BACKEND": address(postgres)}
    tried = command(store, "import", str(archive), "--dry-run", **settings)
    done = command(store, "import", str(archive), **settings)
    assert (tried.returncode, tried.stderr) == (done.returncode, done.stderr) == (0, "")
    assert tried.stdout == f"would be {done.stdout}"
    assert done.stdout.startswith("imported: 1 organization, 2 projects, 1 token, 2 tickets, ")
    assert command(store, "export", **settings).stdout == archive.read_text()
    again = command(store, "import", str(archive), **settings)
    rows = rows_in(archive.read_text())
    assert again.stdout == f"imported: nothing; {rows} were there already\n"


def test_an_export_into_a_file_is_its_owners_alone_and_writes_over_nothing(
    tmp_path: Path, archive: Path
) -> None:
    store, file = tmp_path / "small.db", tmp_path / "again.jsonl"
    done = command(store, "export", str(file))
    rows = rows_in(archive.read_text())
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file} holds all {rows} rows\n", "")
    assert file.read_text() == archive.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    again = command(store, "export", str(file))
    assert (again.returncode, again.stdout, again.stderr.count("\n")) == (1, "", 1)
    assert "nothing is written over it" in again.stderr


def test_a_store_that_is_not_there_is_not_made_to_be_exported(store: Path, tmp_path: Path) -> None:
    done = command(store, "export", str(tmp_path / "archive"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "does not exist" in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_what_does_not_fit_is_listed_line_by_line(store: Path, archive: Path) -> None:
    first, second = change(archive, "project", slug=7), change(archive, "ticket", title=None)
    for dry_run in ((), ("--dry-run",)):
        done = command(store, "import", str(archive), *dry_run)
        assert done.returncode == 1
        assert f"line {first}: slug is of the wrong type\n" in done.stdout
        assert f"line {second}: title is missing\n" in done.stdout
        assert "Nothing was imported." in done.stderr
        assert done.stderr.count("\n") == 1


def test_whoever_reads_only_the_beginning_of_an_export_ends_it(
    tmp_path: Path, archive: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_handoff", "export"],
        env=environment(tmp_path / "small.db"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_no_directory_and_no_missing_file_is_imported(store: Path, tmp_path: Path) -> None:
    for file, status, words in ((tmp_path, 2, "is no file"), (tmp_path / "no", 1, "There is no")):
        done = command(store, "import", str(file))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
        assert words in done.stderr


def test_what_is_wrong_with_an_archive_file_is_found_when_it_is_read(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-5])
    with pytest.raises(ValidationFailed, match="or half a one"):
        list(ArchiveFile(archive))
