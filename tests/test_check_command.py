"""`mcp-handoff check`: it tells how this is set up, and makes and changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mcp_handoff import __version__
from mcp_handoff.actors import Caller
from mcp_handoff.config import read_settings
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.wiring import look_at_schema
from tests import requests
from tests.databases import EVERY_DATABASE, address, open_database
from tests.http.served import command
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

DISPATCHED = {
    "BUILD_DISPATCH_URL": "https://builds.example/hook/key",
    "BUILD_DISPATCH_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq=",
}


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    """Where a fresh store is, by the database's kind."""
    return str(request.getfixturevalue(request.param))


def run(name: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a store, in project shop."""
    told = {"HANDOFF_BACKEND": address(name), **settings}
    return command(Path("unused.db"), *arguments, **told)


def checked(name: str, **settings: str) -> dict[str, Any]:
    """Return what a check that finds nothing wrong tells."""
    ended = run(name, "check", "--json", **settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def content(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.is_file()}


def test_it_tells_what_there_is_and_how_it_is_set_up(database_name: str) -> None:
    run(database_name, "project", "create", "Shop")
    report = checked(database_name)
    state = look_at_schema(read_settings({"HANDOFF_BACKEND": address(database_name)}))
    assert state is not None
    assert state.version == state.newest
    mode = None if "://" in database_name else "wal"
    assert report["schema"] == {
        "version": state.newest,
        "newest": state.newest,
        "journal_mode": mode,
    }
    reads = report.pop("reads")
    assert sorted(reads) == ["find_builds", "find_tickets", "list_projects", "list_suggestions"]
    assert all(isinstance(taken, float) for taken in reads.values())
    assert report.pop("backend").startswith("store ")
    del report["schema"]
    assert report == {
        "version": __version__,
        "organization": "default",
        "project": "shop",
        "project_exists": True,
        "acts_as": None,
        "pending_dispatches": 0,
        "dispatcher": None,
        "webhooks": 0,
        "repositories": 0,
        "require_proof": False,
        "four_eyes": False,
        "problems": [],
    }


async def test_it_tells_of_dispatches_webhooks_and_proof(
    database_name: str, caller: Caller
) -> None:
    backend = StoreBackend(open_database(database_name))
    await backend.create_ticket(caller, requests.create_ticket())
    await backend.trigger_bot_build(caller, requests.trigger_bot_build(1))
    await backend.close()
    run(database_name, "webhook", "add", "https://hooks.example/")
    run(database_name, "repo", "link", "acme/shop")
    run(database_name, "repo", "link", "acme/web", "--project", "web")
    run(database_name, "project", "set", "shop", "--require-proof", "on")
    report = checked(database_name, HANDOFF_FOUR_EYES="1", **DISPATCHED)
    told = ("pending_dispatches", "webhooks", "repositories", "require_proof", "four_eyes")
    assert [report[name] for name in told] == [1, 1, 1, True, True]
    assert report["dispatcher"] == "https://builds.example"
    shown = run(database_name, "check", **DISPATCHED)
    assert "dispatches        1 pending; of builds https://builds.example is told" in shown.stdout
    assert "webhooks          1 " in shown.stdout
    assert "repositories linked: 1 " in shown.stdout
    assert "require_proof on, four_eyes off" in shown.stdout
    assert "key" not in shown.stdout


def test_it_fails_on_a_project_that_is_named_and_not_there(database_name: str) -> None:
    run(database_name, "project", "create", "Shop")
    run(database_name, "project", "create", "Web")
    failed = run(database_name, "check", HANDOFF_PROJECT="shpo")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "There is no project shpo (HANDOFF_PROJECT); there are shop and web." in failed.stderr
    assert "mcp-handoff project create shpo" in failed.stderr
    assert "find_tickets      works" in failed.stdout
    told = run(database_name, "check", "--json", HANDOFF_PROJECT="shpo")
    report = json.loads(told.stdout)
    assert (told.returncode, report["project_exists"], len(report["problems"])) == (1, False, 1)
    by_id = run(database_name, "project", "list").stdout.split()[1]
    assert checked(database_name, HANDOFF_PROJECT=by_id)["project_exists"]


def test_a_project_that_nobody_named_arises_with_its_first_ticket(database_name: str) -> None:
    run(database_name, "project", "create", "Shop")
    shown = run(database_name, "check", HANDOFF_PROJECT="")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "does not exist yet, its first ticket creates it" in shown.stdout


def test_it_fails_where_the_store_tells_another_of_builds(database_name: str) -> None:
    run(database_name, "project", "create", "Shop")
    run(database_name, "receiver", "set", **DISPATCHED)
    assert checked(database_name)["dispatcher"] == "https://builds.example"
    failed = run(database_name, "check", BUILD_DISPATCH_URL="https://other.example/")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "not the receiver of this store" in failed.stderr


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, store: Path) -> None:
    report = checked(str(store), HANDOFF_PROJECT="")
    assert (report["schema"]["version"], report["reads"]) == (0, {})
    shown = run(str(store), "check", HANDOFF_PROJECT="")
    assert "none yet; the first write creates it" in shown.stdout
    assert run(str(store), "check").returncode == 1, "shop is not there either"
    assert content(tmp_path) == {}


def test_a_database_without_a_store_stays_without(postgres: str) -> None:
    assert checked(postgres, HANDOFF_PROJECT="")["schema"]["version"] == 0
    with psycopg.connect(postgres) as connection:
        count = "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        assert connection.execute(count).fetchone() == (0,)


@pytest.mark.parametrize("read_only", ["0", "1"])
def test_a_file_is_as_it_was_when_it_was_checked(
    tmp_path: Path, store: Path, read_only: str
) -> None:
    run(str(store), "project", "create", "Shop")
    before = content(tmp_path)
    checked(str(store), HANDOFF_READ_ONLY=read_only)
    assert content(tmp_path)[store.name] == before[store.name]


def test_it_fails_on_a_file_that_is_no_store(store: Path) -> None:
    store.write_text("This is a letter, not a database. " * 100)
    failed = run(str(store), "check", "--json")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    [problem] = json.loads(failed.stdout)["problems"]
    assert "it is not a SQLite database" in problem
    assert problem in failed.stderr


def test_it_fails_where_no_database_listens() -> None:
    failed = run("postgresql://desk@127.0.0.1:1/desk", "check", "--json")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    report = json.loads(failed.stdout)
    assert (report["schema"], report["reads"]) == (None, {})
    assert "nothing listens there" in report["problems"][0]


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_it_fails_where_this_user_may_make_no_store(tmp_path: Path, mode: int) -> None:
    (tmp_path / "locked").mkdir(mode=mode)
    command = [sys.executable, "-m", "mcp_handoff", "check"]
    if os.geteuid() == 0:  # to whom a mode is nothing as long as it has its capabilities
        command = ["setpriv", "--bounding-set=-all", *command]
    environment = {"HANDOFF_BACKEND": f"sqlite:///{tmp_path}/locked/handoff.db"}
    failed = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "permission was denied" in failed.stderr


def test_it_fails_where_a_directory_is(store: Path) -> None:
    store.mkdir()
    failed = run(str(store), "check")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "is a directory" in failed.stderr
