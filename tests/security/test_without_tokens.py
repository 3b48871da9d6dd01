"""A server that has no tokens is its own machine's alone, until it has one and never again."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_handoff.config import read_settings
from mcp_handoff.errors import Misconfigured
from mcp_handoff.http.credentials import Credentials
from mcp_handoff.http.openings import Opening, require_loopback, require_seclusion
from mcp_handoff.tokens import RevokeToken
from tests.databases import in_store
from tests.http.served import OPERATOR, Served, bearer, command, make_token
from tests.http.test_access import DOORS
from tests.mcp.wire import TIMEOUT
from tests.portal.browser import Browser

pytestmark = pytest.mark.proof

MESSAGES = "/messages/?session_id=00000000000000000000000000000000"
FORWARDED = {
    "Forwarded": "for=203.0.113.7;proto=https",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Host": "desk.example",
    "X-Forwarded-Proto": "https",
    "X-Real-IP": "127.0.0.1",
    "Via": "1.1 proxy",
    "CF-Connecting-IP": "203.0.113.7",
    "True-Client-IP": "203.0.113.7",
}


@pytest.fixture(scope="module")
def tokenless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("tokenless") / "handoff.db") as running:
        yield running


def started(place: str) -> Served:
    return Served(Path(place), **backend_of(place))


def make_first_token(place: str) -> str:
    """Return the secret of a token that another process made."""
    making = ("token", "create", "first", "--role", "user")
    made = command(Path(place), *making, **backend_of(place))
    assert made.returncode == 0
    return made.stdout.strip()


def backend_of(place: str) -> dict[str, str]:
    return {"HANDOFF_BACKEND": place} if place.startswith("postgresql://") else {}


def revoke(place: str, name: str) -> None:
    in_store(place, lambda store: store.revoke_token(OPERATOR, RevokeToken(token=name)))


@pytest.mark.parametrize("path", [*DOORS, MESSAGES, "/metrics"])
def test_a_forwarded_request_is_refused_in_our_own_words(tokenless: Served, path: str) -> None:
    method = "POST" if path == MESSAGES else "GET"
    for name, value in FORWARDED.items():
        refused = tokenless.http.request(method, path, headers={name: value, **bearer("mho_x")})
        assert refused.status_code == 403, name
        assert "mcp-handoff token create" in refused.text


def test_a_request_over_http_1_0_counts_as_forwarded(tokenless: Served) -> None:
    host, _, port = tokenless.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT) as connection:
        head = f"GET /api/projects HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n"
        connection.sendall(head.encode())
        assert b" 403 " in connection.recv(65_536)[:20]


def test_whoever_calls_directly_is_served(tokenless: Served) -> None:
    for path in ("/api/projects", "/metrics", "/readyz"):
        assert tokenless.http.get(path).status_code == 200


def test_the_first_token_closes_a_running_server_at_once_and_for_good(place: str) -> None:
    with started(place) as served:
        assert served.http.get("/api/projects").status_code == 200
        token = make_first_token(place)
        for path in (*DOORS, "/metrics"):
            assert served.http.get(path).status_code == 401
            assert served.http.get(path, headers=bearer("mho_x")).status_code == 401
        assert served.http.get("/api/projects", headers=bearer(token)).status_code == 200
        revoke(place, "first")
        assert served.http.get("/api/projects").status_code == 401
    with started(place) as again:
        for headers in ({}, bearer(token)):
            assert again.http.get("/api/projects", headers=headers).status_code == 401


def test_the_first_token_closes_the_server_that_makes_it_with_the_answer(store: Path) -> None:
    with Served(store) as served, Browser(served) as browser:
        browser.visit("/settings")
        browser.submit("Make a token", name="first", role="user")
        assert served.http.get("/api/projects").status_code == 401


def test_a_session_of_the_time_before_the_first_token_ends_with_it(store: Path) -> None:
    accept = {"Accept": "application/json, text/event-stream"}
    client = {"name": "x", "version": "1"}
    parameters = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    with Served(store) as served:
        opened = served.http.post("/mcp", json=opening, headers=accept)
        session = {**accept, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
        assert served.http.post("/mcp", json=listing, headers=session).status_code == 200
        token = make_first_token(str(store))
        for headers, status in (({}, 401), (bearer(token), 404)):
            asked = served.http.post("/mcp", json=listing, headers={**session, **headers})
            assert asked.status_code == status


def test_a_store_whose_last_token_expired_stays_closed(store: Path) -> None:
    make_token(store, "short", "user", days=1)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE tokens SET expires_at = '2026-01-01'")
    with Served(store) as served:
        assert served.http.get("/api/projects").status_code == 401


def test_what_lets_in_others_needs_a_token_first(store: Path) -> None:
    for refused in (
        command(store, "serve", "--port", "0", "--host", "0.0.0.0"),
        command(store, "serve", "--port", "0", HANDOFF_PUBLIC_URL="https://desk.example"),
    ):
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert "First make a token: mcp-handoff token create" in refused.stderr


@pytest.mark.parametrize("host", ["desk.example", "127.evil.example:8484", "0.0.0.0", "10.0.0.7:*"])
def test_a_name_that_is_not_this_machines_is_an_opening(host: str) -> None:
    settings, here = read_settings({}), Opening("127.0.0.1", 0)
    for opening in (
        replace(here, names=[host]),
        replace(here, origins=[f"https://{host}"]),
        replace(here, origins=["*"]),
    ):
        with pytest.raises(Misconfigured, match="for callers from elsewhere"):
            require_seclusion(settings, opening, "make a token")


def test_over_an_api_the_first_step_is_an_issuer() -> None:
    assert Credentials(None, None).first_step("bot").startswith("set HANDOFF_OAUTH_ISSUER")


def test_names_of_this_machine_open_nothing(store: Path) -> None:
    names = ("--allow-host", "localhost:*", "--allow-host", "[::1]:80")
    with Served(store, *names, "--allow-origin", "http://localhost:3000") as served:
        assert served.http.get("/api/projects").status_code == 200


def test_no_auth_opens_on_purpose_and_says_so(store: Path) -> None:
    make_token(store, "ada", "user")
    with Served(store, "--no-auth", "--allow-host", "desk.example") as served:
        headers = {"Host": "desk.example", **FORWARDED, **bearer("mho_x")}
        assert served.http.get("/api/projects", headers=headers).status_code == 200
        assert served.http.get("/api/tokens").status_code == 200
    assert "makes an admin of everyone" in served.said
    assert "the store's tokens are not asked for" in served.said


def test_no_auth_opens_no_more_than_a_port_of_this_machine(store: Path) -> None:
    make_token(store, "ada", "user")
    refused = command(store, "serve", "--no-auth", "--port", "0", "--host", "0.0.0.0")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "0.0.0.0 can be reached from elsewhere" in refused.stderr
    issuer = {
        "HANDOFF_OAUTH_ISSUER": "https://issuer.example",
        "HANDOFF_OAUTH_AUDIENCE": "https://desk.example/mcp",
    }
    with pytest.raises(Misconfigured, match="contradict"):
        require_loopback(read_settings(issuer), Opening("127.0.0.1", 0))
