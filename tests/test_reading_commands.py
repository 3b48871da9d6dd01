"""Commands that only read, and dry runs, make nothing where there is no store."""

import os
import subprocess
from pathlib import Path

import pytest

from mcp_handoff.config import read_settings
from mcp_handoff.wiring import look_at_schema
from tests.archives import small_archive
from tests.databases import EVERY_DATABASE, address
from tests.http.served import command

pytestmark = pytest.mark.proof

READERS = (
    ("token", "list"),
    ("project", "list"),
    ("repo", "list"),
    ("webhook", "list"),
    ("receiver", "show"),
    ("prune", "--older-than", "1", "--dry-run"),
    ("export",),
)


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    """Where a fresh store is, by the database's kind."""
    return str(request.getfixturevalue(request.param))


def run(name: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return command(Path("unused.db"), *arguments, HANDOFF_BACKEND=address(name), **settings)


def is_absent(name: str) -> bool:
    """Tell whether nobody has made a store."""
    state = look_at_schema(read_settings({"HANDOFF_BACKEND": address(name)}))
    assert state is not None
    return state.version == 0


def assert_absence_told(done: subprocess.CompletedProcess[str], place: str) -> None:
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"There is no store in {place}" in done.stderr
    assert "set HANDOFF_BACKEND to where it is" in done.stderr


@pytest.mark.parametrize("arguments", READERS)
def test_what_only_reads_says_that_there_is_no_store_and_makes_none(
    database_name: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    refused = run(database_name, *arguments)
    assert_absence_told(refused, "postgresql" if "://" in database_name else database_name)
    assert is_absent(database_name)
    assert os.listdir(tmp_path) == []


def test_inbox_has_nothing_to_say_of_a_store_that_is_not_there(
    database_name: str, tmp_path: Path
) -> None:
    told = run(database_name, "inbox")
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
    assert is_absent(database_name)
    assert os.listdir(tmp_path) == []


def test_an_import_is_tried_where_there_is_no_store_yet(
    database_name: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    archive = small_archive(tmp_path_factory.mktemp("archives"))
    tried = run(database_name, "import", str(archive), "--dry-run")
    assert (tried.returncode, tried.stderr) == (0, "")
    assert tried.stdout.startswith("would be imported: 1 organization, 2 projects, ")
    assert is_absent(database_name)
    assert os.listdir(tmp_path) == []


def test_a_store_is_read_in_no_directory_that_is_not_there(tmp_path: Path) -> None:
    place = tmp_path / "mistyped" / "handoff.db"
    assert_absence_told(run(str(place), "token", "list"), str(place))


def test_an_empty_file_is_no_store_and_stays_empty(store: Path) -> None:
    store.touch()
    assert_absence_told(run(str(store), "token", "list"), str(store))
    assert (os.listdir(store.parent), store.read_bytes()) == ([store.name], b"")


@pytest.mark.parametrize("arguments", [("token", "list"), ("backup", "copy.db")])
def test_reading_makes_no_data_directory_of_the_users(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "HANDOFF_BACKEND": ""}
    assert command(tmp_path / "unused.db", *arguments, **home).returncode == 1
    assert os.listdir(tmp_path) == []


def test_a_read_only_server_does_not_start_without_a_store(
    database_name: str, tmp_path: Path
) -> None:
    refused = run(database_name, "serve", "--port", "0", HANDOFF_READ_ONLY="1")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "a read-only server does not make it" in refused.stderr
    assert is_absent(database_name)
    assert os.listdir(tmp_path) == []
