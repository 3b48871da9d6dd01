"""Starting the program: its commands, and one line for whatever keeps it from starting."""

import os
import re
import socket
import subprocess
import sys
from argparse import Action, ArgumentParser
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from mcp_handoff import __version__
from mcp_handoff.actors import TAKE_MINUTES
from mcp_handoff.cli.commands import COMMANDS, parser_of
from mcp_handoff.config import read_settings
from mcp_handoff.proofs import Policy
from mcp_handoff.variables import OTHERS, VARIABLES
from tests.mcp.wire import TIMEOUT, bounded, environment
from tests.terminals import at_terminal

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parent.parent

NOWHERE = "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"


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
        ("HANDOFF_BACKEND", "sqlite:///", "names no file; it takes sqlite:////absolute/file"),
        ("HANDOFF_BACKEND", "sqlite:////nowhere/at/all.db", "/nowhere/at does not exist"),
        (
            "HANDOFF_BACKEND",
            "host=db user=u password=secret",
            "HANDOFF_BACKEND is no address; it takes",
        ),
        ("HANDOFF_BACKEND", "secret", "HANDOFF_BACKEND is no address; it takes"),
        ("HANDOFF_BACKEND", "https://api.example/v1?key=secret", "or a query in it"),
        ("HANDOFF_BACKEND", "https://api.example/u:secret@x", "without a password"),
        ("HANDOFF_BACKEND", "postgresql://u:p@secret/w@db.invalid/x", "@ is %40"),
        ("HANDOFF_BACKEND", "postgresql://u:p/secret@db.invalid/x", "/ is %2F"),
        ("HANDOFF_BACKEND", "postgresql://u:p@secret@db.invalid/x", "@ is %40"),
        ("HANDOFF_PROJECT", "Web Shop", "such as web-shop"),
        ("HANDOFF_ORG", "A!", "HANDOFF_ORG"),
        ("HANDOFF_READ_ONLY", "maybe", "must be 1 or 0"),
        ("HANDOFF_REQUIRE_PROOF", "maybe", "HANDOFF_REQUIRE_PROOF='maybe' must be 1 or 0"),
        ("HANDOFF_FOUR_EYES", "2", "HANDOFF_FOUR_EYES='2' must be 1 or 0"),
        ("HANDOFF_TAKE_MINUTES", "soon", "0 for never"),
        ("HANDOFF_TRUSTED_PROXIES", "127.0.0.1, proxy.example", "HANDOFF_TRUSTED_PROXIES"),
        ("HANDOFF_WEBHOOK_NETWORKS", "10.0.0.0/8, intranet", "HANDOFF_WEBHOOK_NETWORKS"),
        ("HANDOFF_WEBHOOK_NETWORKS", "10.0.0.1/8", "IP addresses and networks"),
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
    for name in (*VARIABLES, "HANDOFF_NOTHING"):
        assert read_settings({name: ""}) == read_settings({})
    assert read_settings(dict.fromkeys(VARIABLES, "")) == read_settings({})
    assert read_settings({}).take_minutes == TAKE_MINUTES


def test_help_and_readme_tell_every_variable(store: Path) -> None:
    assert _variables(run(store, "--help").stdout) == set(VARIABLES)
    readme = (ROOT / "README.md").read_text()
    assert _variables(readme) == set(VARIABLES)
    rows = [row for row in readme.splitlines() if row.startswith(("| `HANDOFF_", "| `BUILD_"))]
    told = {name: row for row in rows for name in _variables(row.split("|")[1])}
    for name, variable in VARIABLES.items():
        assert variable.default in told[name].replace("`", "").split("|")[-2]


def test_every_variable_that_the_docs_name_may_be_set(store: Path) -> None:
    places = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("examples/*")]
    named = _variables("".join(place.read_text() for place in (*places, ROOT / "action.yml")))
    ours_alone = {"HANDOFF_SEED", "HANDOFF_WRITE_GOLDEN"}  # the tests take them from their servers
    assert named - ours_alone <= VARIABLES.keys() | OTHERS.keys()
    assert run(store, "project", "create", "Shop", **dict.fromkeys(OTHERS, "x")).returncode == 0


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\b(?:HANDOFF|BUILD_DISPATCH)_[A-Z_]*[A-Z]\b", text))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HANDOFF_PROJCT", "HANDOFF_PROJECT"),
        ("HANDOFF_PROJECT_ID", "HANDOFF_PROJECT"),
        ("HANDOFF_ORGANIZATION", "HANDOFF_ORG"),
        ("HANDOFF_RATELIMIT", "HANDOFF_RATE_LIMIT"),
        ("HANDOFF_DISPATCH_URL", "BUILD_DISPATCH_URL"),
        ("BUILD_DISPATCH_URI", "BUILD_DISPATCH_URL"),
        ("HANDOFF_PORT", None),
        ("BUILD_DISPATCH_NOTHING", None),
    ],
)
def test_a_variable_that_there_is_not_stops_the_start(
    store: Path, name: str, meant: str | None
) -> None:
    stopped = run(store, **{name: "8484"})
    assert (stopped.returncode, stopped.stdout, stopped.stderr.count("\n")) == (2, "", 1)
    assert f"There is no variable {name}" in stopped.stderr
    assert ("did you mean" in stopped.stderr) == bool(meant)
    assert f"did you mean {meant}?" in stopped.stderr or not meant
    assert not store.exists()


@pytest.mark.parametrize("command", ["serve", "check", "demo", "dispatch"])
def test_a_variable_that_there_is_not_stops_every_command(store: Path, command: str) -> None:
    stopped = run(store, command, HANDOFF_PROJCT="shop")
    assert (stopped.returncode, stopped.stdout, stopped.stderr.count("\n")) == (2, "", 1)
    assert not store.exists()


def test_all_variables_that_there_are_not_are_told_at_once(store: Path) -> None:
    stopped = run(store, HANDOFF_A="1", HANDOFF_B="2", **{"HANDOFF_\x1b[2J\u202e": "3"})
    assert "no variable HANDOFF_[2J, no HANDOFF_A, no HANDOFF_B;" in stopped.stderr
    assert stopped.stderr.strip().isprintable()


def test_what_kubernetes_says_of_a_service_called_handoff_stops_nothing(store: Path) -> None:
    told = {
        "HANDOFF_SERVICE_HOST": "10.0.0.11",
        "HANDOFF_SERVICE_PORT": "8484",
        "HANDOFF_SERVICE_PORT_HTTP": "8484",
        "HANDOFF_PORT": "tcp://10.0.0.11:8484",
        "HANDOFF_PORT_8484_TCP": "tcp://10.0.0.11:8484",
        "HANDOFF_PORT_8484_TCP_PROTO": "tcp",
        "HANDOFF_PORT_8484_TCP_PORT": "8484",
        "HANDOFF_DESK_PORT_8484_TCP_ADDR": "10.0.0.11",
    }
    assert run(store, "project", "create", "Shop", **told).returncode == 0


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    """Yield what a parser and those of its commands take."""
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage] - the only way to see them
        choices: object = action.choices
        if isinstance(choices, Mapping):
            for command in cast(Mapping[str, ArgumentParser], choices).values():
                yield from _actions(command)
        else:
            yield action


def test_every_flag_and_argument_has_a_help_text() -> None:
    actions = list(_actions(parser_of(COMMANDS)))
    assert {"--host", "--allow-origin", "--expires"} < {
        option for action in actions for option in action.option_strings
    }
    assert [action for action in actions if not action.help] == []


def test_proof_and_a_second_person_are_asked_for_by_the_environment() -> None:
    assert read_settings({}).policy == Policy(require_proof=False, four_eyes=False)
    asked = {"HANDOFF_REQUIRE_PROOF": "1", "HANDOFF_FOUR_EYES": "yes"}
    assert read_settings(asked).policy == Policy(require_proof=True, four_eyes=True)


@pytest.mark.parametrize("port", ["99999", "65536", "-1", "", "http", "8484.0", "9" * 5_000])
def test_a_port_that_is_none_is_wrong_use(store: Path, port: str) -> None:
    refused = run(store, "serve", f"--port={port}")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "from 0 (any that is free) to 65535" in refused.stderr


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("nowhere.invalid", "there is no host of this name"),
        ("x..y", "there is no host of this name"),
        ("::zz", "there is no host of this name"),
        ("\x1b[2Jx" * 50, "there is no host of this name"),
        ("203.0.113.7", "this machine has no such address"),
        ("", "0.0.0.0 stands for all addresses"),
    ],
)
def test_a_host_that_cannot_be_listened_on_takes_one_line(
    store: Path, host: str, words: str
) -> None:
    run(store, "token", "create", "ci", "--role", "bot")
    refused = run(store, "serve", "--port=0", f"--host={host}")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert words in refused.stderr
    assert refused.stderr.strip().isprintable()


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--allow-host", "http://desk.example", "desk.example:* for any port"),
        ("--allow-host", "desk.example/", "desk.example:* for any port"),
        ("--allow-host", "desk.example:99999", "desk.example:* for any port"),
        ("--allow-host", "desk.example:0", "desk.example:* for any port"),
        ("--allow-host", "*", "desk.example:* for any port"),
        ("--allow-host", "*.example", "desk.example:* for any port"),
        ("--allow-host", "", "desk.example:* for any port"),
        ("--allow-host", "::1", "an IPv6 one in brackets"),
        ("--allow-origin", "desk.example", "a scheme and a host"),
        ("--allow-origin", "https://desk.example/", "has no path"),
        ("--allow-origin", "https://desk.example:99999", "a scheme and a host"),
        ("--allow-origin", "*", "a scheme and a host"),
    ],
)
def test_a_name_that_no_browser_sends_is_wrong_use(
    store: Path, flag: str, value: str, words: str
) -> None:
    refused = run(store, "serve", "--port=0", f"{flag}={value}")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert words in refused.stderr


def test_a_port_that_is_taken_takes_one_line(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = run(store, "serve", f"--port={port}")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert f"127.0.0.1:{port} can't be listened on: it is in use" in refused.stderr


@pytest.mark.parametrize(
    "arguments", [("serve-me",), ("serve", "--verbose"), ("token", "create"), ("project",)]
)
def test_wrong_use_takes_one_line(store: Path, arguments: tuple[str, ...]) -> None:
    refused = run(store, *arguments)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "--help)" in refused.stderr


def test_at_a_terminal_it_says_what_it_waits_for(store: Path) -> None:
    command = [sys.executable, "-m", "mcp_handoff"]
    with at_terminal(command, environment(store)) as (process, terminal):
        assert process.stderr is not None
        with bounded(process):
            assert b"mcp-handoff demo" in process.stderr.readline()
            os.write(terminal, b"\x04")
            assert process.communicate() == (b"", b"")


def test_projects_are_created_and_listed(store: Path) -> None:
    created = run(store, "project", "create", "Web Shop")
    assert created.stdout.startswith("web-shop  ")
    assert run(store, "project", "list").stdout == created.stdout
    taken = run(store, "project", "create", "Other", "--slug", "web-shop")
    assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
    assert "'web-shop' is taken" in taken.stderr


@pytest.mark.parametrize("name", ["日本", "!!!"])
def test_a_project_whose_name_makes_no_slug_needs_one(store: Path, name: str) -> None:
    refused = run(store, "project", "create", name)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "slug is required: the name has no digits or Latin letters" in refused.stderr
    assert run(store, "project", "create", name, "--slug", "japan").stdout.startswith("japan  ")
    wrong = run(store, "project", "create", "Other", "--slug", "Web Shop")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_a_projects_policies_are_switched_one_by_one(store: Path) -> None:
    run(store, "project", "create", "Shop")
    switched = run(store, "project", "set", "shop", "--auto-close", "on")
    assert switched.stdout == "shop  auto_close on  require_proof off  four_eyes off\n"
    switched = run(store, "project", "set", "SHOP", "--four-eyes", "on", "--auto-close", "off")
    assert switched.stdout == "shop  auto_close off  require_proof off  four_eyes on\n"
    assert run(store, "project", "set", "shop").stdout == switched.stdout
    wrong = run(store, "project", "set", "shop", "--auto-close", "maybe")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    missing = run(store, "project", "set", "shpo", "--auto-close", "on")
    assert (missing.returncode, missing.stdout, missing.stderr.count("\n")) == (1, "", 1)


def test_a_repository_is_linked_listed_and_unlinked(store: Path) -> None:
    linked = run(store, "repo", "link", "Acme/Shop", "--project", "shop")
    assert linked.returncode == 0
    *_, secret = linked.stdout.split()
    assert re.fullmatch(r"mhh_[\w-]{43}", secret)
    assert linked.stdout == f"{secret}\n"
    assert "https://your-server/api/hooks/github" in linked.stderr
    listed = run(store, "repo", "list").stdout
    assert re.fullmatch(r"Acme/Shop  github  shop  [0-9a-f-]{36}  last delivery never\n", listed)
    assert secret not in linked.stderr + listed
    unlinked = run(store, "repo", "unlink", "acme/shop")
    assert listed.startswith(unlinked.stdout.strip())
    assert run(store, "repo", "list").stdout == ""


@pytest.mark.parametrize("forge", ["gitlab", "forgejo"])
def test_a_repository_is_linked_under_its_forge(store: Path, forge: str) -> None:
    named = ("acme/web/shop", "--forge", forge)
    public = {"HANDOFF_PUBLIC_URL": "https://desk.example/"}
    linked = run(store, "repo", "link", *named, **public)
    assert f"https://desk.example/api/hooks/{forge}," in linked.stderr
    assert run(store, "repo", "unlink", "acme/web/shop").returncode == 1
    assert run(store, "repo", "unlink", *named).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("link", "shop"), 2, "name must read owner/name"),
        (("link", "https://github.com/acme/shop"), 2, "name must read owner/name"),
        (("link", "acme/\x1b[2Jshop\n"), 2, "name must read owner/name"),
        (
            ("link", "acme/shop", "--project", "nowhere"),
            1,
            "nowhere is not here; there is only shop",
        ),
        (("link", "ACME/linked"), 1, "linked to project shop already"),
        (("unlink", "acme/\u202eshop"), 1, "is not linked"),
    ],
)
def test_what_is_wrong_with_a_repository_takes_one_line(
    store: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    run(store, "repo", "link", "acme/linked")
    refused = run(store, "repo", *arguments)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (status, "", 1)
    assert words in refused.stderr
    assert refused.stderr.strip().isprintable()


@pytest.mark.parametrize("command", [("webhook", "list"), ("demo",)])
@pytest.mark.parametrize("buffered", [True, False])
def test_a_command_whose_output_nobody_reads_any_more_ends_without_a_word(
    store: Path, command: tuple[str, ...], buffered: bool
) -> None:
    run(store, "webhook", "add", "https://hooks.invalid/")
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "mcp_handoff", *command],
        env=environment(store, PYTHONUNBUFFERED="" if buffered else "1"),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=TIMEOUT,
        check=False,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.parametrize(
    "command",
    [
        ("token", "create", "ci", "--role", "bot"),
        ("webhook", "list"),
        ("check", "--json"),
        ("demo",),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_whose_output_can_not_be_written_says_so(
    store: Path, command: tuple[str, ...], unbuffered: str
) -> None:
    run(store, "webhook", "add", "https://hooks.invalid/")
    with Path("/dev/full").open("w") as full:
        failed = subprocess.run(
            [sys.executable, "-m", "mcp_handoff", *command],
            env=environment(store, HANDOFF_PROJECT="", PYTHONUNBUFFERED=unbuffered),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert failed.returncode == 1
    assert "stdout can't be written: No space left on device" in failed.stderr.splitlines()[-1]
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    "command", [("export",), ("check",), ("token", "create", "ci", "--role", "bot")]
)
def test_a_closed_stdout_can_not_be_written(store: Path, command: tuple[str, ...]) -> None:
    run(store, "project", "create", "Shop")
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "mcp_handoff", *command]
    ended = subprocess.run(
        shell, env=environment(store), stderr=subprocess.PIPE, timeout=TIMEOUT, check=False
    )
    assert ended.returncode == 1
    assert b"stdout can't be written: Bad file descriptor" in ended.stderr.splitlines()[-1]


def test_a_working_directory_that_is_gone_is_told_in_one_line(store: Path) -> None:
    gone = store.parent / "gone"
    gone.mkdir()
    shell = ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", sys.executable, "-m", "mcp_handoff"]
    failed = subprocess.run(
        [*shell, "check"],
        cwd=gone,
        env=environment(store),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (2, "", 1)
    assert "The working directory is gone" in failed.stderr


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("postgresql://desk@127.0.0.1:1/desk", 1),
        ("postgresql://desk@no-such-host.invalid/desk", 1),
        ("postgresql://:1/x%20password=secret", 1),
        ("postgresql://desk@127.0.0.1/desk?changes=maybe", 2),
    ],
)
def test_what_may_pass_ends_with_another_status_than_a_wrong_setting(
    store: Path, address: str, status: int
) -> None:
    failed = run(store, "serve", "--port", "0", HANDOFF_BACKEND=address)
    assert (failed.returncode, failed.stderr.count("\n")) == (status, 1)
    assert "secret" not in failed.stderr


@pytest.mark.parametrize(
    "arguments", [("link", "a/b", "--forge", "svn"), ("link",), ("unlink",), ()]
)
def test_a_repository_takes_a_command_a_name_and_a_forge(
    store: Path, arguments: tuple[str, ...]
) -> None:
    refused = run(store, "repo", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")


def test_behind_an_api_repositories_are_linked_where_its_store_is(store: Path) -> None:
    api = {"HANDOFF_BACKEND": "https://desk.example/api"}
    for arguments in (
        ("repo", "link", "a/b"),
        ("project", "set", "shop"),
        ("token", "list"),
        ("webhook", "list"),
        ("webhook", "test", NOWHERE),
    ):
        refused = run(store, *arguments, **api)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert "where its store is" in refused.stderr


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


def test_without_settings_tickets_go_to_the_users_data_directory(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "HANDOFF_BACKEND": ""}
    folder = tmp_path / "data" / "mcp-handoff"
    checked = run(tmp_path / "unused.db", "check", HANDOFF_PROJECT="", **home)
    assert (checked.returncode, folder.exists()) == (0, False)
    assert f"store {folder / 'handoff.db'}\n" in checked.stdout
    run(tmp_path / "unused.db", "project", "create", "Shop", **home)
    assert (folder / "handoff.db").exists()
    assert folder.stat().st_mode & 0o077 == 0


def test_the_demo_tells_the_whole_story_in_plain_text_when_piped(store: Path) -> None:
    shown = run(store, "demo")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\x1b" not in shown.stdout
    assert "HO-1-shop is closed; merged marked done" in shown.stdout
    assert "Now qa can begin." in shown.stdout
    assert not store.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("token create ci --role bot --expires 0", "--expires must be at least 1"),
        ("webhook add https://hooks.example --events closing", "--events must be one of"),
        ("webhook test 7", "ID must be a uuid"),
        ("webhook add ftp://hooks.example", "URL must be"),
        ("project create Shop --slug S", "--slug must be"),
        ("prune --older-than 99999999", "--older-than must be at most"),
    ],
)
def test_a_wrong_value_is_told_by_the_option_that_it_was_given_to(
    store: Path, arguments: str, words: str
) -> None:
    refused = run(store, *arguments.split())
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"mcp-handoff: {words}")
