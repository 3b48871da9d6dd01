"""`mcp-handoff webhook`: add, list, remove and test, each with one line for what is wrong."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dispatch.receiver import Answer, Receiver
from tests.http.served import command, make_project
from tests.mcp.wire import TIMEOUT, environment

pytestmark = pytest.mark.proof

URL = "https://hooks.invalid/key-1"
NOWHERE = "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"
HERE = {"HANDOFF_WEBHOOK_NETWORKS": "127.0.0.1"}


def run(store: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return command(store, "webhook", *arguments, **settings)


def added(store: Path, url: str) -> str:
    """Return the id of a new webhook."""
    return run(store, "add", url, "--format", "slack").stdout.split()[0]


def test_a_webhook_is_added_listed_and_removed(store: Path) -> None:
    make_project(store, "shop")
    made = run(store, "add", URL, "--events", "take, ticket.closed", "--project", "SHOP")
    assert made.returncode == 0
    assert re.fullmatch(r"whsec_[\w+/]{43}=\n", made.stdout)
    listed = run(store, "list")
    described = r"[0-9a-f-]{36}  https://hooks\.invalid  standard  take,ticket\.closed  shop  on"
    assert re.fullmatch(rf"{described}  last taken never\n", listed.stdout)
    assert made.stderr.startswith(listed.stdout.strip())
    told = made.stderr + listed.stdout + listed.stderr
    assert made.stdout.strip() not in told
    assert "key-1" not in told
    removed = run(store, "remove", listed.stdout.split()[0])
    assert (removed.returncode, removed.stdout) == (0, listed.stdout)
    assert run(store, "list").stdout == ""


def test_a_webhook_hears_of_everything_everywhere_unless_less_is_asked_for(store: Path) -> None:
    run(store, "add", URL)
    listed = run(store, "list").stdout
    assert "  ticket,message,suggestion,build  all projects  on  " in listed


def test_a_word_stands_for_its_kinds_once(store: Path) -> None:
    run(store, "add", URL, "--events", "ticket.closed,take,ticket.taken,ticket,build.failed,ticket")
    run(store, "add", URL, "--events", "take,ticket.taken")
    first, second = run(store, "list").stdout.splitlines()
    assert "  ticket,build.failed  " in first
    assert "  take  " in second


def test_an_address_that_is_not_allowed_here_is_warned_of(store: Path) -> None:
    for address in ("127.0.0.1", "[::ffff:10.0.0.7]"):
        made = run(store, "add", f"https://{address}/x", "--format", "slack")
        assert (made.returncode, made.stderr.count("\n")) == (0, 1)
        assert "HANDOFF_WEBHOOK_NETWORKS does not allow it here" in made.stderr
    allowed = run(store, "add", "https://127.0.0.1/x", "--format", "slack", **HERE)
    assert (allowed.returncode, allowed.stderr) == (0, "")


def test_slacks_format_has_no_secret(store: Path) -> None:
    made = run(store, "add", URL, "--format", "slack")
    assert (made.returncode, made.stderr) == (0, "")
    assert "  https://hooks.invalid  slack  " in made.stdout
    assert made.stdout == run(store, "list").stdout


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("add", "hooks.invalid"), 2, "URL must be an https:// address"),
        (("add", "http://hooks.invalid/"), 2, "http:// for this machine only"),
        (("add", "https://user:secret@hooks.invalid/"), 2, "without a password"),
        (("add", "https://hooks.invalid/a b"), 2, "without spaces"),
        (("add", "https://hooks.invalid/\x1b[2J"), 2, "of ASCII characters"),
        (("add", "https://hooks.invalid:port/"), 2, "URL must be an https:// address"),
        (("add", URL, "--events", "take,nonsense"), 2, "--events must be one of ticket, take"),
        (("add", URL, "--events", "webhook.added"), 2, "--events must be one of"),
        (("add", URL, "--events", ""), 2, "--events must be one of"),
        (("add", URL, "--project", "nowhere"), 1, "nowhere is not here; there is only shop"),
        (("remove", "hooks"), 2, "ID must be a uuid"),
        (("remove", NOWHERE), 1, "ID names no webhook"),
        (("test", "hooks"), 2, "ID must be a uuid"),
        (("test", NOWHERE), 1, "ID names no webhook"),
    ],
)
def test_what_is_wrong_with_a_webhook_takes_one_line_and_nothing_is_stored(
    store: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    make_project(store, "shop")
    refused = run(store, *arguments)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (status, "", 1)
    assert words in refused.stderr
    assert refused.stderr.strip().isprintable()
    assert "secret" not in refused.stderr
    assert run(store, "list").stdout == ""


@pytest.mark.parametrize(
    "arguments", [(), ("add",), ("add", URL, "--format", "teams"), ("remove",), ("test",)]
)
def test_a_webhook_takes_a_command_and_what_it_is_about(
    store: Path, arguments: tuple[str, ...]
) -> None:
    refused = run(store, *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")


def test_a_test_says_whether_the_message_was_taken(store: Path) -> None:
    with Receiver(Answer(), Answer(500)) as receiver:
        webhook = added(store, receiver.url)
        taken = run(store, "test", webhook, **HERE)
        refused = run(store, "test", webhook, **HERE)
        inner = run(store, "test", webhook)
    assert taken.returncode == 0
    assert re.search(r"  on  last taken 2\d{3}-\S+\n$", taken.stdout)
    assert refused.returncode == 1
    assert "last attempt failed: The receiver did not take it: it responded" in refused.stdout
    assert inner.returncode == 1
    assert "HANDOFF_WEBHOOK_NETWORKS does not allow it" in inner.stdout
    assert len(receiver.messages) == 2


def test_ctrl_c_ends_a_test_without_a_word_and_leaves_its_message_to_whoever_sends(
    store: Path,
) -> None:
    with Receiver(Answer(hangs=True)) as receiver:
        webhook = added(store, receiver.url)
        with subprocess.Popen(
            [sys.executable, "-m", "mcp_handoff", "webhook", "test", webhook],
            env=environment(store, **HERE),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            receiver.wait_for(1)
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=TIMEOUT) == (b"", b"")
    assert process.returncode == 1
    with Receiver() as receiver:
        assert "  1 waiting  " in run(store, "list").stdout
        assert command(store, "dispatch", **HERE).stdout == "0 dispatched, 1 failed\n"
    assert "waiting" not in run(store, "list").stdout
