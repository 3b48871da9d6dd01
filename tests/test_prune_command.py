"""`mcp-handoff prune`: counts, deletes, and says in one line what is wrong."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests import requests
from tests.databases import in_store
from tests.http.served import OPERATOR, Served, bearer, command, make_project, make_token

pytestmark = pytest.mark.proof

OLD = "2020-01-01T00:00:00.000Z"


@pytest.fixture
def two_old(store: Path) -> Path:
    """A store with three tickets, of which two were closed years ago."""
    make_project(store, "shop")
    for title in ("Fault one", "Fault two", "Fault three"):
        request = requests.create_ticket(title=title, project="shop", idempotency_key=title)
        in_store(store, lambda opened: opened.create_ticket(OPERATOR, request))  # noqa: B023
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            f"UPDATE tickets SET status = 'closed', resolved_at = '{OLD}' WHERE number < 3"
        )
        connection.execute(f"UPDATE idempotency SET created_at = '{OLD}' WHERE key = 'Fault one'")
    return store


def test_a_dry_run_says_what_is_then_done_while_a_server_runs(two_old: Path) -> None:
    secret = make_token(two_old, "ada", "user")
    with Served(two_old, token=secret, HANDOFF_KEEP_KEYS_DAYS="3650") as served:
        dry = command(two_old, "prune", "--older-than", "365", "--dry-run")
        assert (dry.returncode, dry.stderr) == (0, "")
        assert dry.stdout.startswith("2 tickets closed before 20")
        assert dry.stdout.endswith("Z would be pruned  1 idempotency key\n")
        assert len(served.http.get("/api/projects/shop/tickets").json()["tickets"]) == 3
        done = command(two_old, "prune", "--older-than", "365")
        assert done.stdout.endswith("Z pruned  1 idempotency key\n")
        left = served.http.get("/api/projects/shop/tickets").json()["tickets"]
        assert [one["title"] for one in left] == ["Fault three"]
        gone = served.http.get("/api/projects/shop/tickets/1", headers=bearer(secret))
        assert gone.status_code == 404
        again = command(two_old, "prune", "--older-than", "365")
        assert again.stdout.startswith("0 tickets closed before 20")


def test_where_only_reading_is_allowed_a_dry_run_is_and_a_prune_is_not(two_old: Path) -> None:
    def prune(*more: str) -> subprocess.CompletedProcess[str]:
        return command(two_old, "prune", "--older-than", "365", *more, HANDOFF_READ_ONLY="1")

    refused = prune()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "prune writes, and this server only reads (HANDOFF_READ_ONLY=1)." in refused.stderr
    dry = prune("--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "")
    assert dry.stdout.startswith("2 tickets closed before 20")
    assert dry.stdout.endswith("Z would be pruned  1 idempotency key\n")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--older-than", "0"), 2, "it is a number of days, 1 or more"),
        (("--older-than", "-7"), 2, "it is a number of days, 1 or more"),
        (("--older-than", "1000000"), 2, "--older-than must be at most 36500"),
        (
            ("--older-than", "7", "--project", "nowhere"),
            1,
            "nowhere is not here; there is only shop",
        ),
    ],
)
def test_what_is_wrong_takes_one_line_and_nothing_is_deleted(
    two_old: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    refused = command(two_old, "prune", *arguments)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (status, "", 1)
    assert words in refused.stderr
    dry = command(two_old, "prune", "--older-than", "7", "--dry-run")
    assert dry.stdout.startswith("2 tickets")


def test_over_an_api_it_is_said_where_to_prune(store: Path) -> None:
    refused = command(
        store, "prune", "--older-than", "7", HANDOFF_BACKEND="https://desk.example/api"
    )
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "run this where its store is" in refused.stderr


@pytest.mark.parametrize("arguments", [(), ("--older-than",), ("--older-than", "soon")])
def test_it_takes_a_number_of_days(store: Path, arguments: tuple[str, ...]) -> None:
    refused = command(store, "prune", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
