"""`mcp-handoff redact`: the text is read from stdin, and never shown."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import requests
from tests.databases import in_store
from tests.http.served import OPERATOR, Served, make_project, make_token
from tests.mcp.wire import TIMEOUT, environment

pytestmark = pytest.mark.proof

TEXT = "Ada Lovelace, 12 Byron Road"


def run(
    store: Path, *arguments: str, text: str | bytes = TEXT, **settings: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "mcp_handoff", "redact", *arguments],
        env=environment(store, **settings),
        input=text.encode() if isinstance(text, str) else text,
        capture_output=True,
        timeout=TIMEOUT,
    )
    out, said = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, out, said)


def file_ticket(store: Path, text: str = TEXT) -> None:
    make_project(store, "shop")
    request = requests.create_ticket(description=f"The customer is {text}.", project="shop")
    in_store(store, lambda opened: opened.create_ticket(OPERATOR, request))


def described(store: Path) -> str | None:
    request = requests.get_ticket("HO-1-shop")
    shown = in_store(store, lambda opened: opened.get_ticket(OPERATOR, request))
    return shown.ticket.description


def test_a_text_is_taken_out_once_and_a_second_time_stands_nowhere(store: Path) -> None:
    file_ticket(store)
    done = run(store, "HO-1-shop", text=f"{TEXT}\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "HO-1-shop  1 place redacted\n", "")
    assert described(store) == "The customer is [redacted]."
    again = run(store, "1", "--project", "shop")
    assert (again.returncode, again.stdout) == (1, "")
    assert "text does not occur in HO-1-shop" in again.stderr
    assert TEXT not in again.stderr


def test_copies_that_upgrades_left_are_named(store: Path) -> None:
    file_ticket(store)
    for version in ("9", "19"):
        store.with_name(f"{store.name}.before-{version}").touch()
    copies = f"{store}.before-9 and {store}.before-19"
    done = run(store, "HO-1-shop")
    assert (done.returncode, done.stdout) == (0, "HO-1-shop  1 place redacted\n")
    assert done.stderr == f"{copies} may still hold it, from before an upgrade\n"


def test_a_ticket_is_named_as_people_write_it_within_their_project(store: Path) -> None:
    file_ticket(store)
    done = run(store, "ho-1", HANDOFF_PROJECT="shop")
    assert (done.returncode, done.stdout) == (0, "HO-1-shop  1 place redacted\n")


def test_a_text_of_several_lines_is_read_as_a_whole(store: Path) -> None:
    lines = "-----BEGIN\nAda Lovelace\nEND-----"
    file_ticket(store, lines)
    assert run(store, "HO-1-shop", text=f"{lines}\n").returncode == 0
    assert described(store) == "The customer is [redacted]."


@pytest.mark.parametrize(
    ("arguments", "text", "status", "words"),
    [
        (("HO-2-shop",), TEXT, 1, "ticket HO-2-shop is not in project shop"),
        (("HO-1-app",), TEXT, 1, "app is not here"),
        (("nonsense?",), TEXT, 2, "ticket must be"),
        (("HO-1-shop",), "", 2, "text must have at least 4 characters"),
        (("HO-1-shop",), b"\xff\xfe\xff\xfe", 2, "The text on stdin is not UTF-8."),
        (("HO-1-shop",), "x" * 99_999, 2, "text must have at most 5000 characters"),
        (("HO-1-shop",), f"a{'€' * 9_999}", 2, "text must have at most 5000 characters"),
        (("HO-1-shop",), f"{' ' * 19_996}{TEXT}", 2, "text must have at most 5000 characters"),
    ],
)
def test_what_is_wrong_takes_one_line(
    store: Path, arguments: tuple[str, ...], text: str | bytes, status: int, words: str
) -> None:
    file_ticket(store)
    refused = run(store, *arguments, text=text)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (status, "", 1)
    assert words in refused.stderr


def test_a_running_server_shows_the_text_no_more_and_takes_the_redaction_over_its_api(
    store: Path,
) -> None:
    file_ticket(store, f"{TEXT} or Charles Babbage")
    token = make_token(store, "root", "admin")
    with Served(store, token=token) as served:
        assert run(store, "HO-1-shop").returncode == 0
        over_api = {"HANDOFF_BACKEND": f"{served.url}/api", "HANDOFF_API_TOKEN": token}
        assert run(store, "HO-1-shop", text="Charles Babbage", **over_api).returncode == 0
        shown = served.http.get("/api/projects/shop/tickets/1").json()["ticket"]
        filed = served.http.post(
            "/api/projects/shop/tickets",
            json={**requests.TICKET, "priority": "low", "blocking": False},
        )
    assert shown["description"] == "The customer is [redacted] or [redacted]."
    assert filed.status_code == 201


@pytest.mark.parametrize("interrupted", [False, True])
def test_at_a_terminal_the_text_is_asked_for_and_not_shown(store: Path, interrupted: bool) -> None:
    file_ticket(store)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_handoff", "redact", "HO-1-shop"],
        env=environment(store),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # without a terminal of its own, so that stdin is what is asked
    ) as process:
        os.close(theirs)
        assert process.stderr is not None
        asked = b""
        while not asked.endswith(b"shown): "):
            asked += process.stderr.read(1)
        if interrupted:
            process.send_signal(signal.SIGINT)
        else:
            os.write(ours, f"{TEXT}\n".encode())
        out, said = process.communicate(timeout=TIMEOUT)
    os.close(ours)
    assert TEXT.encode() not in asked + out + said
    expected = (1, b"") if interrupted else (0, b"HO-1-shop  1 place redacted\n")
    assert (process.returncode, out) == expected
    assert said.strip() == b""
