"""`mcp-handoff token`: what its list says, and how a secret is replaced while servers run."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.http.served import Served, bearer, command, make_token

pytestmark = pytest.mark.proof


def token(store: Path, *arguments: str) -> str:
    """Return the one line that a command about tokens prints."""
    done = command(store, "token", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_list_says_what_has_expired_and_what_was_revoked(store: Path) -> None:
    for name in ("lasting", "short", "lost"):
        make_token(store, name, "bot", days=2)
    token(store, "revoke", "lost")
    with closing(sqlite3.connect(store)) as connection, connection:
        ended = "UPDATE tokens SET expires_at = '2026-01-01T00:00:00.000Z' WHERE name = 'short'"
        connection.execute(ended)
    states = {line.split()[0]: line for line in token(store, "list").splitlines()}
    assert re.search(r"all projects  expires 2\d{3}-", states["lasting"])
    assert "all projects  expired 2026-01-01T00:00:00.000Z  " in states["short"]
    assert "all projects  revoked  " in states["lost"]


def test_a_running_server_takes_both_secrets_in_the_grace_and_the_list_tells_of_it(
    store: Path,
) -> None:
    old = make_token(store, "ci", "bot")
    with Served(store) as served:
        assert served.http.get("/api/me", headers=bearer(old)).status_code == 200
        rotated = command(store, "token", "rotate", "ci", "--grace", "10")
        assert re.search(r"; the old secret ends at 2\d{3}-\S+Z\n$", rotated.stderr)
        for secret in (old, rotated.stdout.strip()):
            assert served.http.get("/api/me", headers=bearer(secret)).json()["name"] == "ci"
        assert re.search(r"expires never, old secret until 2\d{3}-\S+Z  ", token(store, "list"))
        token(store, "rotate", "ci")
        assert "old secret" not in token(store, "list")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("rotate", "ci", "--grace", "-1"), 2, "--grace must be at least 0"),
        (("rotate", "ci", "--grace", "1441"), 2, "--grace must be at most 1440"),
        (("rotate", "nobody", "--grace", "5"), 1, "token names no valid token"),
    ],
)
def test_what_is_wrong_with_a_rotation_takes_one_line(
    store: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    secret = make_token(store, "ci", "bot")
    refused = command(store, "token", *arguments)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (status, "", 1)
    assert words in refused.stderr
    assert secret not in refused.stderr
