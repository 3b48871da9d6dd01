"""`mcp-handoff export` and `import`: what is moved, and one line for what is wrong."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import apsw
import psutil
import pytest

from mcp_handoff.archives.archive import FORMAT
from mcp_handoff.archives.files import ArchiveFile
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.sqlite.transaction import execute
from tests.archives import change, exported, rows_in, small_archive
from tests.databases import address, open_database
from tests.http.served import command
from tests.mcp.wire import TIMEOUT, environment

pytestmark = pytest.mark.proof

FULL = Path("/dev/full")

UNREADABLE = Path("/proc/self/mem")
"""A file that even root can't read from its beginning."""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A store of two projects as an archive, small enough to be spoilt."""
    return small_archive(tmp_path)


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
    assert "is not overwritten" in again.stderr


def test_an_api_is_exported_and_filled_where_its_store_is(store: Path, archive: Path) -> None:
    settings = {"HANDOFF_BACKEND": "https://desk.example/api"}
    for arguments in (("export",), ("import", str(archive))):
        done = command(store, *arguments, **settings)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "run this where its store is" in done.stderr


def test_who_only_reads_imports_nothing(tmp_path: Path, archive: Path) -> None:
    store = tmp_path / "small.db"
    done = command(store, "import", str(archive), HANDOFF_READ_ONLY="1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "opened for reading only" in done.stderr


def test_a_store_that_is_not_there_is_not_made_to_be_exported(store: Path, tmp_path: Path) -> None:
    done = command(store, "export", str(tmp_path / "archive"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "There is no store in" in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_dash_is_stdout_for_an_export_and_no_file_elsewhere(store: Path, archive: Path) -> None:
    assert command(store, "import", str(archive)).returncode == 0
    assert command(store, "export", "-").stdout == command(store, "export").stdout
    for name in ("import", "backup", "restore"):
        refused = command(store, name, "-")
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert "- is no file; name one" in refused.stderr


def test_what_does_not_fit_is_listed_line_by_line(store: Path, archive: Path) -> None:
    first, second = change(archive, "project", slug=7), change(archive, "ticket", title=None)
    for dry_run in ((), ("--dry-run",)):
        done = command(store, "import", str(archive), *dry_run)
        assert done.returncode == 1
        assert f"line {first}: slug is of the wrong type\n" in done.stdout
        assert f"line {second}: title is missing\n" in done.stdout
        assert "not fit; nothing was imported." in done.stderr
        assert done.stderr.count("\n") == 1


def test_ctrl_c_ends_an_import_without_a_word_and_leaves_nothing(
    store: Path, archive: Path
) -> None:
    anyio.run(open_database(str(store)).close)
    others = apsw.Connection(str(store))
    execute(others, "BEGIN IMMEDIATE")
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_handoff", "import", str(archive)],
        env=environment(store, HANDOFF_LOG_LEVEL="ERROR"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_for(lambda: str(store) in opened_by(process.pid))
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=TIMEOUT) == (b"", b"")
    assert process.returncode == 1
    execute(others, "ROLLBACK")
    others.close()
    assert rows_in(anyio.run(exported, store)) == 0


def opened_by(process: int) -> list[str]:
    """Return the files that a process has open."""
    return [file.path for file in psutil.Process(process).open_files()]


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


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


@pytest.mark.skipif(not FULL.exists(), reason="it takes Linux's /dev/full")
def test_a_full_disk_and_a_place_for_no_file_take_one_line(tmp_path: Path, archive: Path) -> None:
    store = tmp_path / "small.db"
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mcp_handoff", "export"],
            env=environment(store),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "mcp-handoff: stdout can't be written: No space left on device.\n"
    long = tmp_path / f"{'x' * 250}.jsonl"
    nowhere = command(store, "export", str(long))
    assert (nowhere.returncode, nowhere.stdout, nowhere.stderr.count("\n")) == (1, "", 1)
    assert nowhere.stderr.endswith(f"{long} can't be written: File name too long.\n")


@pytest.mark.skipif(not UNREADABLE.exists(), reason="it takes a file that nobody can read")
def test_a_file_that_cannot_be_read_takes_one_line(store: Path) -> None:
    for form in ("handoff", "github", "beads"):
        done = command(store, "import", str(UNREADABLE), "--format", form)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
        assert f"{UNREADABLE} can't be read: " in done.stderr


def test_no_directory_and_no_missing_file_is_imported(store: Path, tmp_path: Path) -> None:
    for file, status, words in (
        (tmp_path, 2, "is not a file"),
        (tmp_path / "no", 1, "There is no"),
    ):
        done = command(store, "import", str(file))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
        assert words in done.stderr


def test_what_is_wrong_with_an_archive_file_is_found_when_it_is_read(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-5])
    with pytest.raises(ValidationFailed, match="is not a whole line"):
        list(ArchiveFile(archive))


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
        (half_a_line, "is not a whole line of JSON"),
        (some_lines, "ends before its last line"),
        (a_line_less, "says at its end that it has"),
        (more_lines, "goes on after its last line"),
        (newer, "was written by a newer mcp-handoff"),
        (latin, "is not a whole line of JSON"),
        (deep, "is not a whole line of JSON"),
        (nothing, "is empty"),
        (another_list, "is not a whole line of JSON"),
        (another_object, "is not an export of mcp-handoff"),
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
