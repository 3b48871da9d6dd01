"""From version to version: what an old store becomes, what it was stays beside it, and programs of
two versions share a store."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import pytest

import mcp_handoff
from mcp_handoff.config import read_settings
from mcp_handoff.sqlite.schema import STEPS
from mcp_handoff.sqlite.transaction import execute
from mcp_handoff.wiring import look_at_schema
from tests.backends.old_stores import make_first
from tests.databases import EVERY_DATABASE, address
from tests.http.served import Served, command, make_project
from tests.mcp.wire import TIMEOUT, environment
from tests.test_reading_commands import READERS

pytestmark = pytest.mark.proof

COPY = f"handoff.db.before-{len(STEPS)}"

TASKS = Path(__file__).parents[1] / "imports" / "shop"

EVERY_READER = (
    *READERS,
    ("import", str(TASKS), "--format", "backlog", "--dry-run"),
    ("inbox",),
)

ADDED = """\
-- compatible: nobody of the version before writes it.
CREATE TABLE additions (id TEXT NOT NULL PRIMARY KEY);
ALTER TABLE tickets ADD COLUMN addition TEXT;
CREATE INDEX tickets_by_addition ON tickets (addition);
"""
"""A next step that programs of this version need not know of."""

BROKEN = "ALTER TABLE tickets RENAME COLUMN title TO headline;"
"""A next step that they can't do without knowing of."""


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    """Where a fresh store is, by the database's kind."""
    return str(request.getfixturevalue(request.param))


def run(name: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return command(Path("unused.db"), *arguments, HANDOFF_BACKEND=address(name), **settings)


def serve(name: str, program: str = "") -> Served:
    return Served(Path("unused.db"), directory=program, HANDOFF_BACKEND=address(name))


def version_of(name: str) -> int:
    state = look_at_schema(read_settings({"HANDOFF_BACKEND": address(name)}))
    assert state is not None
    return state.version


def content(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.is_file()}


def rows_of(file: Path) -> list[Any]:
    """Return what is in the tables of a file, whatever its version."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    tables = execute(connection, "SELECT name FROM pragma_table_list WHERE strict ORDER BY 1")
    rows = [(name, list(execute(connection, f"SELECT * FROM {name}"))) for (name,) in [*tables]]
    connection.close()
    return rows


def get(server: Served, path: str, **query: Any) -> Any:
    response = server.http.get(f"/api{path}", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def titles(server: Served, **query: Any) -> dict[int, str]:
    tickets = get(server, "/projects/shop/tickets", **query)["tickets"]
    return {ticket["number"]: ticket["title"] for ticket in tickets}


def file_ticket(server: Served, title: str) -> int:
    body = {
        "title": title,
        "description": f"{title}, as told.",
        "request_type": "bug",
        "blocking": False,
    }
    response = server.http.post(
        "/api/projects/shop/tickets", json={**body, "priority": "low", "roles": ["qa"]}
    )
    assert response.status_code == 201, response.text
    return response.json()["ticket"]["number"]


def test_a_store_of_the_first_version_is_served_with_all_that_is_in_it(database_name: str) -> None:
    make_first(database_name)
    with serve(database_name) as server:
        assert titles(server) == {
            1: "Checkout fails from the 100th item on",
            2: "Show the delivery date in the basket",
        }
        assert titles(server, q="smorgasbord") == {1: "Checkout fails from the 100th item on"}
        detail = get(server, "/projects/shop/tickets/1")
        ticket = detail["ticket"]
        assert (ticket["stage"], ticket["priority"]) == ("validation", "high")
        assert ticket["evidence"] == {"status": 500, "file": "cart/limits.py"}
        assert ticket["created_at"] == "2026-11-29T07:55:31.925Z"
        roles = {role["role"]: role["status"] for role in ticket["roles"]}
        assert roles == {"backend": "done", "qa": "pending", "merged": "done"}
        [suggestion] = detail["suggestions"]
        assert (suggestion["status"], suggestion["merge_sha"]) == ("executed", "9f2c1e7ab4d0")
        assert suggestion["evidence"] == {"pull_request": 77}
        [build] = detail["builds"]
        assert (build["description"], build["metadata"]) == ("Lifts the cart limit", {"pr": 77})
        kinds = [event["kind"] for event in reversed(detail["events"])]
        assert kinds[:3] == ["ticket.created", "build.triggered", "suggestion.created"]
        assert "suggestion.executed" in kinds
        assert get(server, "/projects/web/tickets")["total"] == 1
        assert file_ticket(server, "What comes after the upgrade") == 3
        assert titles(server, q="upgrade") == {3: "What comes after the upgrade"}
    assert run(database_name, "check").returncode == 0


def test_the_start_says_that_it_brought_a_store_up_to_date(database_name: str) -> None:
    make_first(database_name)
    before = version_of(database_name)
    with serve(database_name) as server:
        told = server.said
    after = version_of(database_name)
    assert f"from schema {before} to {after}" in told
    assert ("a dump of yours alone" if "://" in database_name else COPY) in told
    with serve(database_name) as server:
        assert "schema" not in server.said


def test_stdio_says_so_too(store: Path) -> None:
    make_first(str(store))
    ended = run(str(store))
    assert (ended.returncode, ended.stdout) == (0, "")
    told = f"from schema 1 to {len(STEPS)}; a copy of it as it was is kept as {COPY}"
    assert [told in line for line in ended.stderr.splitlines()].count(True) == 1


def test_what_a_file_was_lies_beside_it_for_its_owner_alone(tmp_path: Path, store: Path) -> None:
    make_first(str(store))
    before = rows_of(store)
    assert run(str(store), "token", "create", "ci", "--role", "bot").returncode == 0
    assert sorted(content(tmp_path)) == [store.name, COPY]
    copy = tmp_path / COPY
    assert rows_of(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600
    assert version_of(str(copy)) == 1


@pytest.mark.parametrize("arguments", EVERY_READER)
def test_what_only_reads_leaves_an_old_store_as_it_is(
    database_name: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    make_first(database_name)
    version, before = version_of(database_name), content(tmp_path)
    refused = run(database_name, *arguments)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "is from an older mcp-handoff" in refused.stderr
    assert "mcp-handoff serve, or a client over stdio, brings it up to date" in refused.stderr
    assert version_of(database_name) == version
    assert content(tmp_path) == before


@pytest.mark.parametrize("read_only", ["0", "1"])
def test_check_only_tells_of_an_old_store(
    database_name: str, tmp_path: Path, read_only: str
) -> None:
    make_first(database_name)
    version, before = version_of(database_name), content(tmp_path)
    told = run(database_name, "check", HANDOFF_READ_ONLY=read_only)
    assert (told.returncode, told.stderr) == (0, "")
    assert f"schema            {version}" in told.stdout
    assert "mcp-handoff serve, or a client over stdio, brings it to" in told.stdout
    report = json.loads(run(database_name, "check", "--json").stdout)
    assert (report["schema"]["version"], report["reads"]) == (version, {})
    assert version_of(database_name) == version
    assert content(tmp_path) == before


def test_who_goes_back_to_the_copy_and_on_again_has_the_newer_copy(
    tmp_path: Path, store: Path
) -> None:
    make_first(str(store))
    run(str(store), "project", "create", "Lost")
    store.rename(tmp_path / "handoff.db.newer")
    assert run(str(store), "restore", str(tmp_path / COPY)).returncode == 0
    file = apsw.Connection(str(store))
    execute(file, "UPDATE tickets SET title = 'Written by the older version' WHERE number = 2")
    file.close()
    run(str(store), "project", "create", "Kept")
    assert "Written by the older version" in str(rows_of(tmp_path / COPY))
    assert "Lost" not in str(rows_of(store))


def test_the_copies_of_two_versions_stay(tmp_path: Path, store: Path) -> None:
    make_first(str(store))
    others = ["handoff.db.before-3", "handoff.db.before-12", "handoff.db.before-the-move"]
    for name in [*others, "other.db.before-2"]:
        (tmp_path / name).touch()
    run(str(store), "project", "create", "Shop two")
    kept = ["handoff.db.before-12", "handoff.db.before-the-move", "other.db.before-2"]
    assert sorted(content(tmp_path)) == sorted([store.name, COPY, *kept])


def test_of_many_that_start_at_once_one_brings_a_store_up_to_date(database_name: str) -> None:
    make_first(database_name)
    with ThreadPoolExecutor(4) as pool:
        starts = [pool.submit(run, database_name) for _ in range(4)]
        ended = [start.result() for start in starts]
    assert [(one.returncode, one.stdout) for one in ended] == [(0, "")] * 4
    assert "".join(one.stderr for one in ended).count("brought from schema") == 1


def test_a_file_that_cannot_be_copied_stays_as_it_is(tmp_path: Path, store: Path) -> None:
    make_first(str(store))
    file = apsw.Connection(str(store))
    execute(file, "PRAGMA foreign_keys = OFF; DELETE FROM projects WHERE slug = 'web'")
    file.close()
    before = content(tmp_path)
    stopped = run(str(store), "serve", "--port", "0", HANDOFF_LOG_LEVEL="ERROR")
    assert (stopped.returncode, stopped.stdout, stopped.stderr.count("\n")) == (2, "", 1)
    assert "rows that others refer to are missing" in stopped.stderr
    assert content(tmp_path) == before


@pytest.fixture
def next_version(tmp_path_factory: pytest.TempPathFactory) -> "NextVersion":
    return NextVersion(tmp_path_factory.mktemp("next"))


class NextVersion:
    """A copy of the program with one more step, which is made up."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def with_step(self, sql: str) -> str:
        """Return the directory to run it from."""
        package = Path(mcp_handoff.__file__).parent
        copy = self.directory / package.name
        shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for database in ("sqlite", "postgres"):
            steps = copy / database / "migrations"
            number = len(list(steps.glob("*.sql"))) + 1
            (steps / f"{number:04}_next.sql").write_text(sql)
        return str(self.directory)


def test_two_versions_serve_one_store_while_one_takes_the_place_of_the_other(
    database_name: str, next_version: NextVersion
) -> None:
    make_project(database_name, "shop")
    newer_program = next_version.with_step(ADDED)
    with serve(database_name) as older:
        assert file_ticket(older, "Filed before the roll") == 1
        with serve(database_name, newer_program) as newer:
            assert "brought from schema" in newer.said
            with serve(database_name) as restarted:
                servers = [older, newer, restarted] * 4
                with ThreadPoolExecutor(3) as pool:
                    words = [f"Number {number}" for number in range(12)]
                    assert sorted(pool.map(file_ticket, servers, words)) == list(range(2, 14))
                for server in (older, newer, restarted):
                    assert sorted(titles(server)) == list(range(1, 14))
                    assert titles(server, q="before") == {1: "Filed before the roll"}
    checked = run(database_name, "check")
    assert checked.returncode == 0
    assert "a newer one, which this one" in checked.stdout


def test_a_newer_store_that_does_not_serve_this_version_stops_the_start(
    database_name: str, next_version: NextVersion
) -> None:
    make_project(database_name, "shop")
    with serve(database_name, next_version.with_step(BROKEN)):
        pass
    newer = "was written by a newer mcp-handoff"
    for arguments in (("serve", "--port", "0"), ("token", "list"), ()):
        stopped = run(database_name, *arguments)
        assert (stopped.returncode, stopped.stdout, stopped.stderr.count("\n")) == (2, "", 1)
        assert newer in stopped.stderr
    checked = run(database_name, "check", "--json")
    assert (checked.returncode, checked.stderr.count("\n")) == (1, 1)
    assert newer in json.loads(checked.stdout)["problems"][0]


def test_what_came_after_a_step_that_serves_no_older_version_serves_none_either(
    store: Path, next_version: NextVersion
) -> None:
    make_project(str(store), "shop")
    program = next_version.with_step(BROKEN)
    steps = Path(program) / "mcp_handoff" / "sqlite" / "migrations"
    (steps / f"{len(STEPS) + 2:04}_after.sql").write_text("-- compatible: it adds.\nSELECT 1;")
    subprocess.run(
        [sys.executable, "-m", "mcp_handoff", "project", "create", "Web"],
        env=environment(store),
        cwd=program,
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
    )
    stopped = run(str(store), "project", "list")
    assert (stopped.returncode, stopped.stderr.count("\n")) == (2, 1)
    assert f"(schema {len(STEPS) + 2}, this one knows {len(STEPS)})" in stopped.stderr
