"""Starting the program: its commands, and one line for whatever keeps it from starting."""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from mcp_handoff import __version__
from mcp_handoff.cli.commands import ENVIRONMENT
from mcp_handoff.config import read_settings
from tests.mcp.wire import TIMEOUT, bounded, environment


def run(store: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_handoff", *arguments],
        env=environment(store, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HANDOFF_BACKEND", "mysql://db/x", "begins with 'mysql'"),
        ("HANDOFF_BACKEND", "sqlite:///", "this version knows sqlite:///file"),
        ("HANDOFF_BACKEND", "sqlite:////nowhere/at/all.db", "/nowhere/at does not exist"),
        ("HANDOFF_BACKEND", "host=db user=u password=secret", "HANDOFF_BACKEND is none"),
        ("HANDOFF_BACKEND", "secret", "HANDOFF_BACKEND is none"),
        ("HANDOFF_BACKEND", "https://api.example/v1?key=secret", "or a query in it"),
        ("HANDOFF_BACKEND", "https://api.example/u:secret@x", "without a password"),
        ("HANDOFF_BACKEND", "postgresql://u:p@secret/w@db.invalid/x", "@ is %40"),
        ("HANDOFF_BACKEND", "postgresql://u:p/secret@db.invalid/x", "/ is %2F"),
        ("HANDOFF_BACKEND", "postgresql://u:p@secret@db.invalid/x", "@ is %40"),
        ("HANDOFF_BACKEND", "postgresql://:1/x%20password=secret", "the PostgreSQL database"),
        ("HANDOFF_PROJECT", "Web Shop", "such as web-shop"),
        ("HANDOFF_ORG", "A!", "HANDOFF_ORG"),
        ("HANDOFF_READ_ONLY", "maybe", "must be 1 or 0"),
        ("HANDOFF_TRUSTED_PROXIES", "127.0.0.1, proxy.example", "HANDOFF_TRUSTED_PROXIES"),
        ("HANDOFF_LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING, ERROR"),
        ("HANDOFF_BUILD_TIMEOUT", "1.5", "0 for never"),
        ("HANDOFF_BUILD_TIMEOUT", "10000", "at most 9999"),
        ("HANDOFF_ACTOR_ID", "x\u202ey", "HANDOFF_ACTOR_ID"),
        ("HANDOFF_KEEP_KEYS_DAYS", "0", "must be 1 to 3650"),
        ("HANDOFF_KEEP_KEYS_DAYS", "a month", "must be 1 to 3650"),
        ("BUILD_DISPATCH_URL", "http://builds.example/hook", "https://"),
        ("BUILD_DISPATCH_URL", "https://user:secret@builds.example", "BUILD_DISPATCH_URL"),
        ("BUILD_DISPATCH_URL", "https://builds.example:port/hook", "BUILD_DISPATCH_URL"),
        ("BUILD_DISPATCH_SECRET", "whsec_c2VjcmV0", "24 to 64 random bytes"),
        ("BUILD_DISPATCH_SECRET", "whsec_" + "secret!!" * 5, "openssl rand -base64 32"),
        ("BUILD_DISPATCH_SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(
    store: Path, name: str, value: str, words: str
) -> None:
    stopped = run(store, **{name: value})
    assert (stopped.returncode, stopped.stdout) == (2, "")
    assert stopped.stderr.count("\n") == 1
    assert words in stopped.stderr
    assert "secret" not in stopped.stderr


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_dispatch_secret_may_be_padded_or_not(size: int) -> None:
    padded = "whsec_" + b64encode(bytes(range(size))).decode()
    for secret in (padded, padded.rstrip("=")):
        assert read_settings({"BUILD_DISPATCH_SECRET": secret}).dispatch_secret == secret


def test_help_and_version_are_told_and_a_wrong_command_is_wrong_use(store: Path) -> None:
    assert run(store, "--version").stdout == f"mcp-handoff {__version__}\n"
    assert "HANDOFF_BACKEND" in run(store, "--help").stdout
    assert run(store, "serve-me").returncode == 2
    assert run(store, "project").returncode == 2


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    names = [name for name in ENVIRONMENT.split() if name.startswith(("HANDOFF_", "BUILD_"))]
    empty = {name.rstrip(","): "" for name in names}
    assert len(empty) > 12
    assert read_settings(empty) == read_settings({})


@pytest.mark.parametrize("port", ["99999", "-1", "http", "8484.0", "9" * 5_000])
def test_a_port_that_is_none_is_wrong_use(store: Path, port: str) -> None:
    refused = run(store, "serve", f"--port={port}")
    assert refused.returncode == 2
    assert "from 0 (any that is free) to 65535" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_at_a_terminal_it_says_what_it_waits_for(store: Path) -> None:
    terminal, inside = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_handoff"],
        env=environment(store),
        stdin=inside,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        with bounded(process):
            assert b"mcp-handoff demo" in process.stderr.readline()
            os.write(terminal, b"\x04")
            assert process.communicate() == (b"", b"")
    os.close(terminal)
    os.close(inside)


def test_projects_are_created_and_listed(store: Path) -> None:
    created = run(store, "project", "create", "Web Shop")
    assert created.stdout.startswith("web-shop  ")
    assert run(store, "project", "list").stdout == created.stdout
    taken = run(store, "project", "create", "Other", "--slug", "web-shop")
    assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
    assert "'web-shop' is taken" in taken.stderr
    wrong = run(store, "project", "create", "Other", "--slug", "Web Shop")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_names_do_not_steer_a_terminal_or_begin_lines(store: Path) -> None:
    name = "Shop\x1b[2J\n\u202eforged\r\x9b1m"
    run(store, "project", "create", name, "--slug", "shop")
    run(store, "token", "create", name, "--role", "bot")
    for command in ("project", "token"):
        listed = run(store, command, "list").stdout
        assert listed.count("\n") <= 1
        assert listed.replace("\n", "").isprintable()
    wrong = run(store, "token", "revoke", name + "?")
    assert wrong.stderr.count("\n") == 1
    assert wrong.stderr.replace("\n", "").isprintable()


def test_check_says_what_it_is_connected_to(store: Path) -> None:
    checked = run(store, "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert str(store) in checked.stdout
    assert "find_tickets      works" in checked.stdout


def test_check_fails_on_a_file_that_is_no_store(store: Path) -> None:
    store.write_text("This is a letter, not a database. " * 100)
    checked = run(store, "check")
    assert (checked.returncode, checked.stdout) == (2, "")
    assert checked.stderr.count("\n") == 1
    assert "it is not a SQLite database" in checked.stderr


def test_without_settings_tickets_go_to_the_users_data_directory(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "HANDOFF_BACKEND": ""}
    checked = run(tmp_path / "unused.db", "check", **home)
    assert checked.returncode == 0
    folder = tmp_path / "data" / "mcp-handoff"
    assert str(folder / "handoff.db") in checked.stdout
    assert folder.stat().st_mode & 0o077 == 0


def test_the_demo_tells_the_whole_story_in_plain_text_when_piped(store: Path) -> None:
    shown = run(store, "demo")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\x1b" not in shown.stdout
    assert "HO-1-shop is closed; merged marked done" in shown.stdout
    assert "Now qa can begin." in shown.stdout
    assert not store.exists()
