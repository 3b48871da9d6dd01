"""`mcp-handoff merged`: what a CI step or a git hook tells of a merge."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from tests import requests
from tests.databases import in_store
from tests.mcp.wire import bounded, environment
from tests.merges.desk import pending
from tests.repositories import Repository
from tests.terminals import at_terminal

pytestmark = pytest.mark.proof

SECONDS = 60


def merged(
    store: Path, shop: Repository, message: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_handoff", "merged", *arguments],
        input=message,
        env=environment(store),
        cwd=shop.path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_a_hook_suggests_to_close_what_the_message_declares_once(
    filed: Path, shop: Repository, caller: Caller
) -> None:
    message = "Lift the limit\n\nPart of HO-2.\n\nCloses: HO-1, HO-99"
    sha = shop.commit(message)
    done = merged(filed, shop, message, "--sha", sha, "--repo", "acme/shop", "--pr", "50")
    assert (done.returncode, done.stdout.split("  ")[:2]) == (1, ["HO-1-shop", "suggested"])
    assert done.stdout.rstrip().endswith("proven")
    assert done.stderr.startswith("HO-99-shop  ticket HO-99-shop is not in project shop")
    again = merged(filed, shop, message, "--sha", sha, "--repo", "acme/shop", "--pr", "50")
    assert "suggested already" in again.stdout
    [made] = pending(filed, caller)
    assert (made.merge_sha, made.repo, made.pr_number) == (sha, "acme/shop", 50)
    assert made.evidence == {"merged": sha, "subject": "Lift the limit"}


def test_a_message_that_closes_nothing_suggests_nothing(
    filed: Path, shop: Repository, caller: Caller
) -> None:
    done = merged(filed, shop, "Part of HO-1", "--sha", "9f2c1e7")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "the message declares to close no ticket\n"
    assert pending(filed, caller) == []


def test_only_a_ticket_that_is_not_there_is_a_failure(
    filed: Path, shop: Repository, caller: Caller
) -> None:
    mistyped = merged(filed, shop, "Closes HO-77-shop", "--sha", "abcdef1")
    assert (mistyped.returncode, mistyped.stdout) == (1, "")
    assert "HO-77-shop is not in project shop" in mistyped.stderr
    closing = requests.update_ticket(1, close_as="wont_fix", note="It is rare.")
    in_store(filed, lambda store: store.update_ticket(caller, closing))
    done = merged(filed, shop, "Closes HO-1", "--sha", "abcdef1")
    assert (done.returncode, done.stdout) == (0, "")
    assert "is closed" in done.stderr


def test_at_a_terminal_it_says_what_it_waits_for(filed: Path, shop: Repository) -> None:
    command = [sys.executable, "-m", "mcp_handoff", "merged", "--sha", "9f2c1e7"]
    with at_terminal(command, environment(filed), shop.path) as (process, terminal):
        assert process.stderr is not None
        with bounded(process):
            assert b"the commit's message on stdin" in process.stderr.readline()
            os.write(terminal, b"Closes HO-1\n\x04")
            out, _ = process.communicate()
    assert out.startswith(b"HO-1-shop  suggested")


def test_the_message_may_come_from_a_file(filed: Path, shop: Repository, caller: Caller) -> None:
    (shop.path / "message").write_text("Fixes HO-2")
    done = merged(filed, shop, "", "--sha", "9f2c1e7", "--message-file", "message")
    assert done.stdout.startswith("HO-2-shop  suggested")
    [made] = pending(filed, caller)
    assert made.ticket_number == 2


@pytest.mark.parametrize("arguments", [[], ["--message-file", "message"]], ids=["stdin", "a file"])
def test_a_message_may_be_of_any_encoding(
    filed: Path, shop: Repository, caller: Caller, arguments: list[str]
) -> None:
    message = shop.path / "message"
    message.write_bytes("Größe begrenzt\n\nCloses HO-1".encode("latin-1"))
    command = [sys.executable, "-m", "mcp_handoff", "merged", "--sha", "9f2c1e7", *arguments]
    with message.open("rb") as stdin:
        subprocess.run(
            command,
            stdin=stdin,
            env=environment(filed),
            cwd=shop.path,
            timeout=SECONDS,
            check=True,
        )
    [made] = pending(filed, caller)
    assert made.evidence["subject"].endswith("begrenzt")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--sha", "main"], "7 to 64 hexadecimal digits"),
        (["--sha", "9f2c1e7", "--message-file", "missing"], "missing"),
        (["--sha", "9f2c1e7", "--pr", "fifty"], "--pr"),
        ([], "--sha"),
    ],
)
def test_a_wrong_argument_is_named(
    filed: Path, shop: Repository, arguments: list[str], why: str
) -> None:
    done = merged(filed, shop, "Closes HO-1", *arguments)
    assert done.returncode == 2
    assert why in done.stderr.splitlines()[-1]
