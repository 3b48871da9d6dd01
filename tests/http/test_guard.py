"""Who is let in, and who is told why not."""

import sqlite3
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.http.served import Served, command, make_token
from tests.mcp.desk import Desk

TICKET = {
    "title": "Checkout fails",
    "description": "POST /checkout answers 500.",
    "request_type": "bug",
    "priority": "high",
    "blocking": False,
    "roles": ["backend"],
}
DOORS = ("/mcp", "/sse", "/api/projects", "/api/v1/org/default/builds")


@pytest.mark.parametrize("path", [*DOORS, "/healthz"])
def test_a_foreign_host_or_origin_is_refused_at_every_door(served: Served, path: str) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert served.http.get(path, headers=headers).status_code == 403


def test_a_named_host_and_origin_are_served(store: Path) -> None:
    named = ("--allow-host", "desk.example", "--allow-origin", "https://desk.example")
    with Served(store, *named) as served:
        headers = {"Host": "desk.example", "Origin": "https://desk.example"}
        assert served.http.get("/api/projects", headers=headers).status_code == 200


@pytest.mark.parametrize("path", DOORS)
def test_without_a_valid_token_no_door_opens(store: Path, path: str) -> None:
    token = make_token(store, "ada", "--role", "user")
    with Served(store) as served:
        for headers in ({}, {"Authorization": "Bearer mho_x"}, {"Authorization": f"Basic {token}"}):
            refused = served.http.get(path, headers=headers)
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert served.http.get(path, params={"token": token}).status_code == 401
        assert served.http.get("/healthz").json() == {"status": "ok"}
        assert served.http.get("/readyz").json() == {"status": "ok"}


def test_a_token_that_is_revoked_or_expired_stops_at_once(store: Path) -> None:
    revoked, expired = (
        make_token(store, "ada", "--role", "user"),
        make_token(store, "bob", "--role", "user", "--expires", "1"),
    )
    make_token(store, "eve", "--role", "user")
    with Served(store) as served:
        for token in (revoked, expired):
            headers = {"Authorization": f"Bearer {token}"}
            assert served.http.get("/api/projects", headers=headers).status_code == 200
        assert command(store, "token", "revoke", "ada").returncode == 0
        with sqlite3.connect(store) as connection:
            connection.execute("UPDATE tokens SET expires_at = '2026-01-01' WHERE name = 'bob'")
        for token in (revoked, expired):
            headers = {"Authorization": f"Bearer {token}"}
            assert served.http.get("/api/projects", headers=headers).status_code == 401


def test_a_token_sees_its_own_projects_and_no_other(store: Path) -> None:
    for name in ("shop", "app"):
        assert command(store, "project", "create", name).returncode == 0
    token = make_token(store, "ada", "--role", "user", "--project", "shop")
    admin = make_token(store, "root", "--role", "admin")
    with Served(store, token=token) as served:
        served.http.post("/api/projects/app/tickets", json=TICKET, headers=bearer(admin))
        assert [row["slug"] for row in listed(served)] == ["shop"]
        assert served.http.get("/api/projects/app/tickets").status_code == 404
        assert served.http.get("/api/projects/app/tickets/1").status_code == 404
        assert served.http.post("/api/projects/app/tickets", json=TICKET).status_code == 403
        assert served.http.post("/api/projects/shop/tickets", json=TICKET).status_code == 201


async def test_an_agents_token_names_its_actor_and_its_project(store: Path) -> None:
    assert command(store, "project", "create", "app").returncode == 0
    token = make_token(store, "ci-bot", "--role", "bot", "--project", "app")
    with Served(store, token=token) as served:
        async with httpx2.AsyncClient(headers=bearer(token)) as http:
            transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
            async with Client(transport) as client:
                ticket = await Desk(client).file_ticket()
        assert (ticket["actor_id"], ticket["reference"]) == ("ci-bot", "HO-1-app")
        told = served.http.post("/api/projects/app/tickets", json={**TICKET, "actor_role": "user"})
        assert told.json()["ticket"]["actor_role"] == "bot"


async def test_a_session_can_not_be_used_with_anothers_token(store: Path) -> None:
    ada, eve = (make_token(store, name, "--role", "bot") for name in ("ada", "eve"))
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
    with Served(store) as served:
        opened = served.http.post("/mcp", json=opening, headers={**accept, **bearer(ada)})
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], **accept}
        listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        stolen = served.http.post("/mcp", json=listing, headers={**session, **bearer(eve)})
        assert stolen.status_code == 404


def test_beyond_loopback_it_refuses_without_a_token_and_says_how_to_make_one(store: Path) -> None:
    refused = command(store, "serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.returncode == 2
    assert "mcp-handoff token create" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_line(served: Served, store: Path) -> None:
    port = served.url.rpartition(":")[2]
    refused = command(store, "serve", "--port", port)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_a_body_of_five_megabytes_is_refused(served: Served) -> None:
    body = b'{"name": "' + b"x" * 5_000_000 + b'"}'
    for path in ("/api/projects", "/mcp"):
        assert served.http.post(path, content=body).status_code == 413


def test_a_token_is_shown_once_and_kept_as_a_digest(store: Path) -> None:
    secret = make_token(store, "ada", "--role", "user")
    shown = command(store, "token", "list").stdout
    assert "ada" in shown
    assert secret not in shown
    assert secret.encode() not in store.read_bytes()
    taken = command(store, "token", "create", "ada", "--role", "bot")
    assert (taken.returncode, "'ada' is in use" in taken.stderr) == (1, True)
    assert command(store, "token", "revoke", "nobody").returncode == 1


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def listed(served: Served) -> list[dict[str, str]]:
    return served.http.get("/api/projects").json()["projects"]
