"""Who is let in, and who is told why not."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.http.served import Served, bearer, command, make_project, make_token, soon
from tests.mcp.agent import Agent

pytestmark = pytest.mark.proof

TICKET = {
    "title": "Checkout fails",
    "description": "POST /checkout answers 500.",
    "request_type": "bug",
    "priority": "high",
    "blocking": False,
    "roles": ["backend"],
}
DOORS = ("/mcp", "/sse", "/api/projects", "/api/v1/org/default/builds")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose callers need a token; its client has none."""
    store = tmp_path_factory.mktemp("guarded") / "handoff.db"
    make_token(store, "root", "admin")
    with Served(store) as running:
        yield running


@pytest.mark.parametrize("path", [*DOORS, "/readyz"])
def test_a_foreign_host_or_origin_is_refused_at_every_door(served: Served, path: str) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        refused = served.http.get(path, headers=headers)
        assert refused.status_code == 403
        assert "evil.example; --" in refused.text


def test_what_a_foreign_host_says_is_shown_masked_and_short(served: Served) -> None:
    for host in (f"mho_{'0' * 32}_{'A' * 43}", "x" * 5_000):
        refused = served.http.get("/api/projects", headers={"Host": host})
        assert refused.status_code == 403
        assert host not in refused.text
        assert len(refused.text) < 300


def test_a_named_host_and_origin_are_served_and_the_pages_of_that_host(store: Path) -> None:
    named = ("--allow-host", "desk.example", "--allow-origin", "https://portal.example")
    with Served(store, *named, token=make_token(store, "ada", "user")) as served:
        for origin, status in (
            ("https://portal.example", 200),
            ("https://desk.example", 200),
            ("https://desk.example:8443", 403),
            ("https://evil.example", 403),
            ("null", 403),
        ):
            headers = {"Host": "desk.example", "Origin": origin}
            assert served.http.get("/api/projects", headers=headers).status_code == status


@pytest.mark.parametrize("path", DOORS)
def test_without_a_valid_token_no_door_opens(guarded: Served, path: str) -> None:
    token = make_token(guarded.store, f"caller of {path}", "user")
    for headers in ({}, bearer("mho_x"), {"Authorization": f"Basic {token}"}):
        refused = guarded.http.get(path, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert guarded.http.get(path, params={"token": token}).status_code == 401
    assert guarded.http.get("/healthz").json() == {"status": "ok"}
    assert guarded.http.get("/readyz").json() == {"status": "ok"}


def test_blanks_behind_a_header_are_no_part_of_it(served: Served) -> None:
    """RFC 9110, section 5.5; httptools leaves them there."""
    host = served.url.removeprefix("http://")
    with closing(HTTPConnection(host)) as connection:
        connection.request("GET", "/api/projects", headers={"Host": f"{host} \t "})
        assert connection.getresponse().status == 200


def test_what_takes_a_token_is_kept_by_no_cache(guarded: Served) -> None:
    token = bearer(make_token(guarded.store, "cached", "admin"))
    for path in (*DOORS, "/api/tokens", "/api/nowhere", "/nowhere", "/metrics"):
        for headers in ({}, token, {**token, "Host": "evil.example"}):
            with guarded.http.stream("GET", path, headers=headers) as answer:
                assert "no-store" in answer.headers["Cache-Control"], path
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    answer = guarded.http.post("/mcp", json=listing, headers={**accept, **token})
    assert "no-store" in answer.headers["Cache-Control"]


def test_healthz_says_ok_whatever_a_header_says(served: Served, guarded: Served) -> None:
    headers = {
        "Host": "evil.example",
        "Origin": "https://evil.example",
        "Authorization": "Bearer mho_broken",
        "Forwarded": "for=203.0.113.7",
        "X-Forwarded-For": "<script>",
        "Last-Event-ID": "7",
        "Mcp-Session-Id": "7",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "create_ticket",
    }
    for server in (served, guarded):
        for sent in ({name: value} for name, value in headers.items()):
            answer = server.http.get("/healthz", headers=sent)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"}), sent
        assert server.http.get("/healthz", headers=headers).status_code == 200
        assert server.http.get("/readyz", headers=bearer("mho_broken")).status_code == 200


def test_a_token_that_another_process_ends_or_that_expires_stops_within_two_seconds(
    guarded: Served,
) -> None:
    tokens = [
        make_token(guarded.store, "revoked", "user"),
        make_token(guarded.store, "expired", "user", days=1),
    ]
    assert [seen(guarded, token) for token in tokens] == [200, 200]
    assert command(guarded.store, "token", "revoke", "revoked").returncode == 0
    with closing(sqlite3.connect(guarded.store)) as connection, connection:
        connection.execute("UPDATE tokens SET expires_at = '2026-01-01' WHERE name = 'expired'")
    assert soon(lambda: [seen(guarded, token) for token in tokens] == [401, 401])


def test_a_token_sees_its_own_projects_and_no_other(guarded: Served) -> None:
    for slug in ("shop", "app"):
        make_project(guarded.store, slug)
    http = guarded.http
    admin = bearer(make_token(guarded.store, "admin", "admin"))
    limited = bearer(make_token(guarded.store, "ada", "user", "shop"))
    http.post("/api/projects/app/tickets", json=TICKET, headers=admin)
    listed = http.get("/api/projects", headers=limited).json()["projects"]
    assert [row["slug"] for row in listed] == ["shop"]
    for path in ("/api/projects/app/tickets", "/api/projects/app/tickets/1"):
        assert http.get(path, headers=admin).status_code == 200
        assert http.get(path, headers=limited).status_code == 404
    for slug, status in (("app", 403), ("shop", 201)):
        filed = http.post(f"/api/projects/{slug}/tickets", json=TICKET, headers=limited)
        assert filed.status_code == status


async def test_an_agents_token_names_its_actor_and_its_project(guarded: Served) -> None:
    make_project(guarded.store, "till")
    headers = bearer(make_token(guarded.store, "ci-bot", "bot", "till"))
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(f"{guarded.url}/mcp", http_client=http)
        async with Client(transport) as client:
            ticket = await Agent(client).whole(await Agent(client).file_ticket())
    assert ticket["ticket"]["reference"] == "HO-1-till"
    assert ticket["ticket"]["actor_id"] == "ci-bot"
    claim = {**TICKET, "actor_role": "user"}
    told = guarded.http.post("/api/projects/till/tickets", json=claim, headers=headers)
    assert told.json()["ticket"]["actor_role"] == "bot"


async def test_a_session_can_not_be_used_with_anothers_token(guarded: Served) -> None:
    owner, thief = (make_token(guarded.store, name, "bot") for name in ("owner", "thief"))
    opening = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "x", "version": "1"},
        },
    }
    accept = {"Accept": "application/json, text/event-stream"}
    opened = guarded.http.post("/mcp", json=opening, headers={**accept, **bearer(owner)})
    session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], **accept}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    for token, status in ((thief, 404), (owner, 200)):
        asked = guarded.http.post("/mcp", json=listing, headers={**session, **bearer(token)})
        assert asked.status_code == status


def test_a_port_that_is_taken_is_one_line(served: Served, store: Path) -> None:
    port = served.url.rpartition(":")[2]
    refused = command(store, "serve", "--port", port)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_a_body_of_five_megabytes_is_refused(served: Served) -> None:
    body = b'{"name": "' + b"x" * 5_000_000 + b'"}'
    for path in ("/api/projects", "/mcp"):
        assert served.http.post(path, content=body).status_code == 413


def test_a_token_is_shown_once_and_kept_as_a_digest(store: Path) -> None:
    make_project(store, "shop")
    limits = ("--role", "user", "--project", "shop", "--expires", "1")
    made = command(store, "token", "create", "ada", *limits)
    assert made.returncode == 0
    secret = made.stdout.strip()
    shown = command(store, "token", "list").stdout
    assert shown.startswith("ada  ")
    assert "  user  shop  expires 2" in shown
    assert secret not in shown
    assert secret.encode() not in store.read_bytes()
    taken = command(store, "token", "create", "ada", "--role", "bot")
    assert (taken.returncode, "'ada' is in use" in taken.stderr) == (1, True)
    assert command(store, "token", "revoke", "nobody").returncode == 1


def test_a_token_for_a_project_that_can_be_none_says_what_a_slug_is(store: Path) -> None:
    wrong = command(store, "token", "create", "ada", "--role", "bot", "--project", "The Shop")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--project must be lower-case letters, digits and single hyphens" in wrong.stderr


def seen(served: Served, token: str) -> int:
    """Return the status that a caller with this token sees."""
    return served.http.get("/api/projects", headers=bearer(token)).status_code
