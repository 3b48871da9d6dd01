"""`mcp-handoff install`: what it changes in a file, what it leaves, what it refuses and says."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mcp_handoff.clients.clients import CLIENTS
from tests.clients.installing import PROGRAM, URL, environment, install, user_file
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof


def entry(client: str, home: Path) -> dict[str, object]:
    """Return what a client that has plain JSON or TOML reads for this server."""
    text = user_file(client, home).read_text()
    content = tomllib.loads(text) if CLIENTS[client].format == "toml" else json.loads(text)
    return content[CLIENTS[client].servers]["handoff"]


def test_a_second_run_changes_nothing_and_says_so(home: Path) -> None:
    install(home, "cursor")
    file = user_file("cursor", home)
    before, touched = file.read_bytes(), file.stat().st_mtime_ns
    again = install(home, "cursor")
    assert again.stdout.startswith(f"Nothing to change: handoff is in {file}.\n")
    assert (again.returncode, file.read_bytes()) == (0, before)
    assert file.stat().st_mtime_ns == touched


def test_a_file_that_was_made_for_the_entry_goes_with_it(home: Path) -> None:
    file = user_file("cursor", home)
    install(home, "cursor")
    removed = install(home, "cursor", "--remove")
    assert (removed.returncode, removed.stdout) == (0, f"Removed handoff from {file}.\n")
    assert not file.exists()
    again = install(home, "cursor", "--remove")
    assert (again.returncode, again.stdout) == (0, f"Nothing to change: no handoff in {file}.\n")


def test_what_was_there_before_is_there_again_when_the_entry_is_removed(home: Path) -> None:
    file = user_file("zed", home)
    file.parent.mkdir(parents=True)
    before = '// Mine\n{\n  "theme": "dark", // at night\n  "tab_size": 2,\n}\n'
    file.write_text(before)
    install(home, "zed", "--url", URL)
    assert file.read_text() != before
    install(home, "zed", "--remove")
    assert file.read_text() == before


def test_what_somebody_gave_our_entry_stays_with_it(home: Path) -> None:
    file = user_file("cursor", home)
    file.parent.mkdir()
    file.write_text("""\
{
  "mcpServers": {
    "handoff": {
      "command": "mcp-handoff",
      // for all of us
      "env": { "HANDOFF_PROJECT": "shop" }
    }
  }
}
""")
    install(home, "cursor", "--url", URL)
    assert (
        file.read_text()
        == """\
{
  "mcpServers": {
    "handoff": {
      // for all of us
      "env": { "HANDOFF_PROJECT": "shop" },
      "url": "https://desk.example/mcp",
      "headers": {
        "Authorization": "Bearer ${env:HANDOFF_TOKEN}"
      }
    }
  }
}
"""
    )


def test_zed_forgets_the_teams_server_and_keeps_a_store_that_somebody_named(home: Path) -> None:
    install(home, "zed", "--url", URL)
    install(home, "zed")
    assert entry("zed", home) == {"command": PROGRAM}
    file = user_file("zed", home)
    servers = {"handoff": {"command": "mcp-handoff", "env": {"HANDOFF_BACKEND": "sqlite:////x"}}}
    file.write_text(json.dumps({"context_servers": servers}))
    install(home, "zed")
    assert entry("zed", home) == {"command": PROGRAM, "env": {"HANDOFF_BACKEND": "sqlite:////x"}}


@pytest.mark.parametrize("arguments", [(), ("--url", URL), ("--remove",)])
def test_another_server_of_that_name_is_left_alone(arguments: tuple[str, ...], home: Path) -> None:
    file = user_file("cursor", home)
    file.parent.mkdir()
    file.write_text('{"mcpServers": {"handoff": {"command": "baton"}}}')
    refused = install(home, "cursor", *arguments)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert f"In {file} handoff is the name of another server" in refused.stderr
    assert file.read_text() == '{"mcpServers": {"handoff": {"command": "baton"}}}'


@pytest.mark.parametrize(
    ("client", "text", "place"),
    [
        (
            "cursor",
            '{\n  "mcpServers": {\n    "a" 1\n  }\n}',
            "line 3, column 9: a colon is missing",
        ),
        ("cursor", "[]", "line 1, column 1: { is missing"),
        ("codex", 'model = "gpt"\n[tui\n', "line 2, column 5: this is not valid TOML"),
        ("codex", "notify = [\n", "line 2, column 1: this is not valid TOML"),
        ("goose", "a: 1\nb: [\n", "line 3, column 1"),
    ],
)
def test_a_file_that_cannot_be_read_is_left_and_told_with_the_place(
    client: str, text: str, place: str, home: Path
) -> None:
    file = user_file(client, home)
    file.parent.mkdir(parents=True)
    file.write_text(text)
    refused = install(home, client)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert f"{file}, line" in refused.stderr
    assert place in refused.stderr
    assert "Nothing was changed." in refused.stderr
    assert file.read_text() == text


def test_a_file_of_other_bytes_is_left(home: Path) -> None:
    file = user_file("cursor", home)
    file.parent.mkdir()
    file.write_bytes(b'{"a": "\xff"}')
    refused = install(home, "cursor")
    assert (refused.returncode, refused.stderr) == (
        1,
        f"mcp-handoff: {file} is not UTF-8. Nothing was changed.\n",
    )
    assert file.read_bytes() == b'{"a": "\xff"}'


def test_a_byte_order_mark_and_the_ends_of_lines_stay(home: Path) -> None:
    file = user_file("windsurf", home)
    file.parent.mkdir(parents=True)
    before = (
        b'\xef\xbb\xbf{\r\n    "mcpServers": {\r\n        "a": {"command": "b"}\r\n    }\r\n}\r\n'
    )
    file.write_bytes(before)
    install(home, "windsurf")
    written = file.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf{\r\n")
    assert written.count(b"\n") == written.count(b"\r\n") == 8
    install(home, "windsurf", "--remove")
    assert file.read_bytes() == before


def test_a_link_stays_a_link_and_a_file_keeps_its_permissions(home: Path) -> None:
    kept = home / "dotfiles" / "mcp.json"
    kept.parent.mkdir()
    kept.write_text("{}\n")
    kept.chmod(0o640)
    file = user_file("cursor", home)
    file.parent.mkdir()
    file.symlink_to(kept)
    install(home, "cursor")
    assert file.is_symlink()
    assert "mcpServers" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    install(home, "cursor", "--remove")
    assert file.read_text() == "{}\n"
    assert os.listdir(kept.parent) == ["mcp.json"]


def test_links_in_a_circle_are_told_in_one_line(home: Path) -> None:
    file = user_file("cursor", home)
    file.parent.mkdir()
    file.symlink_to(file)
    refused = install(home, "cursor")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert str(file) in refused.stderr


def test_a_folder_in_the_way_is_told_in_one_line(home: Path) -> None:
    user_file("cursor", home).mkdir(parents=True)
    refused = install(home, "cursor")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert "can't be read or written" in refused.stderr


def test_a_client_that_seems_not_to_be_here_gets_its_entry_and_is_asked_for(home: Path) -> None:
    first = install(home, "cursor").stdout
    assert f"There was no {home / '.cursor'}: is Cursor installed?" in first
    install(home, "cursor", "--remove")
    assert "is Cursor installed?" not in install(home, "cursor").stdout


def test_in_a_checkout_the_project_is_the_whole_of_it(home: Path) -> None:
    project = home / "shop"
    (project / ".git").mkdir(parents=True)
    inner = project / "src" / "deep"
    inner.mkdir(parents=True)
    told = install(home, "claude-code", "--scope", "project", directory=inner).stdout
    assert told.startswith(f"Wrote handoff into {project / '.mcp.json'}.\n")
    assert "installed?" not in told
    assert "It asks before it uses what a project brings." in told
    assert (project / ".mcp.json").exists()
    assert not (home / ".claude.json").exists()


@pytest.mark.parametrize("client", ["claude-desktop", "windsurf", "goose"])
def test_a_client_without_files_in_projects_says_so(client: str, home: Path) -> None:
    refused = install(home, client, "--scope", "project")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "has no file for a project; use --scope user" in refused.stderr


def test_opencode_goes_on_in_the_file_with_comments_that_it_has(home: Path) -> None:
    file = user_file("opencode", home).with_suffix(".jsonc")
    file.parent.mkdir(parents=True)
    file.write_text("{\n  // mine\n}\n")
    install(home, "opencode")
    assert "// mine" in file.read_text()
    assert '"handoff"' in file.read_text()
    assert os.listdir(file.parent) == ["opencode.jsonc"]


def test_the_address_of_a_server_is_enough(home: Path) -> None:
    for address in ("https://desk.example", "https://desk.example/", f"{URL}/"):
        assert f'"{URL}"' in install(home, "codex", "--url", address, "--print").stdout


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://desk.example/mcp", "must be an https:// address"),
        ("https://ann:secret@desk.example/mcp", "without a password"),
        ("https://desk.example/mcp?token=secret", "or a query in it"),
        ("desk.example", "must be an https:// address"),
        ("https://desk.example/api", "must end in /mcp"),
    ],
)
def test_an_address_that_is_none_is_wrong_use(url: str, words: str, home: Path) -> None:
    refused = install(home, "cursor", "--url", url)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert words in refused.stderr
    assert "secret" not in refused.stderr
    assert list(home.iterdir()) == []


def test_claude_desktop_is_told_where_it_takes_addresses(home: Path) -> None:
    refused = install(home, "claude-desktop", "--url", URL)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "Settings → Connectors" in refused.stderr
    assert "HANDOFF_BACKEND" in refused.stderr


@pytest.mark.parametrize(
    ("name", "meant"),
    [("claudecode", "claude-code"), ("VSCode", "vscode"), ("cursr", "cursor"), ("emacs", None)],
)
def test_an_unknown_client_is_answered_with_those_that_are_known(
    name: str, meant: str | None, home: Path
) -> None:
    refused = install(home, name)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert all(client in refused.stderr for client in CLIENTS)
    assert ("did you mean" in refused.stderr) == (meant is not None)
    assert f"(did you mean {meant}?)" in refused.stderr or meant is None


def test_what_is_next_is_said(home: Path) -> None:
    told = install(home, "cursor", "--url", URL).stdout
    assert "Set HANDOFF_TOKEN to the token" in told
    assert "Restart it" in told
    assert "asks for the token" in install(home, "vscode", "--url", URL).stdout


def test_what_is_set_here_and_may_not_be_passed_on_is_named(home: Path) -> None:
    backend = f"sqlite:///{home}/x.db"
    told = install(home, "opencode", HANDOFF_BACKEND=backend, HANDOFF_PROJECT="shop").stdout
    assert "Set in your environment: HANDOFF_BACKEND and HANDOFF_PROJECT." in told
    assert "belongs under environment of the entry" in told
    assert "sqlite:" not in told
    assert "Set in" not in install(home, "opencode").stdout


def test_what_another_program_writes_meanwhile_is_not_lost(home: Path) -> None:
    file, theirs = user_file("cursor", home), '{"theirs": true}'
    install(home, "cursor")
    others = {*file.parent.iterdir()}
    code = (
        "import os, sys; from pathlib import Path; from mcp_handoff.cli.commands import main;"
        f"file, sync = Path({str(file)!r}), os.fsync;"
        f"os.fsync = lambda written: (sync(written), file.write_text({theirs!r}));"
        "sys.exit(main(sys.argv[1:]))"
    )
    told = install(home, "cursor", "--url", URL, program=(sys.executable, "-c", code))
    assert (told.returncode, told.stderr) == (
        1,
        f"mcp-handoff: {file} was changed by another program just now; try again.\n",
    )
    assert file.read_text() == theirs
    assert {*file.parent.iterdir()} == others


def test_run_as_a_module_it_is_started_as_one(home: Path) -> None:
    install(home, "codex", program=(sys.executable, "-m", "mcp_handoff"))
    assert entry("codex", home) == {"command": sys.executable, "args": ["-m", "mcp_handoff"]}
    install(home, "codex")
    assert entry("codex", home) == {"command": PROGRAM}


def test_nothing_of_it_is_loaded_for_other_commands(home: Path) -> None:
    code = (
        "import atexit, sys; from mcp_handoff.cli.commands import main;"
        "parts = 'mcp_handoff.clients', 'tomlkit', 'yaml';"
        "atexit.register(lambda: print([one for one in parts if one in sys.modules]));"
        "main(sys.argv[1:])"
    )
    loaded: list[str] = []
    for command in ("token", "install"):
        ended = subprocess.run(
            [sys.executable, "-c", code, command, "--help"],
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )
        loaded.append(ended.stdout.splitlines()[-1])
    assert loaded == ["[]", "['mcp_handoff.clients', 'tomlkit', 'yaml']"]
