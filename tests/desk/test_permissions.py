"""Who may do what: by role, at every door."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_handoff.principals import ROLES
from tests import requests
from tests.databases import in_store
from tests.http.served import OPERATOR, Served, bearer, make_project, make_token
from tests.mcp.agent import Agent
from tests.requests import TICKET

BODY = {**TICKET, "priority": "high", "blocking": False}
BUILD = {"build_ref": "b-1", "display_name": "Shop 1.0", "provider": "docker"}

MAY: Mapping[tuple[str, str], Sequence[str]] = {
    ("GET", "/api/me"): ROLES,
    ("GET", "/api/projects"): ROLES,
    ("GET", "/api/tickets"): ROLES,
    ("GET", "/api/projects/shop/tickets"): ROLES,
    ("POST", "/api/projects/shop/tickets"): ("bot", "user", "admin"),
    ("POST", "/api/v1/org/default/builds"): ("bot", "user", "admin"),
    ("POST", "/api/projects"): ("user", "admin"),
    ("GET", "/api/projects/shop/events"): ("user", "admin"),
    ("POST", "/api/projects/shop/tickets/1/redact"): ("admin",),
    ("GET", "/api/tokens"): ("admin",),
    ("DELETE", "/api/tokens/spare"): ("admin",),
    ("PATCH", "/api/projects/shop"): ("admin",),
    ("GET", "/api/repositories"): ("admin",),
    ("POST", "/api/repositories"): ("admin",),
    ("GET", "/api/webhooks"): ("admin",),
    ("POST", "/api/webhooks"): ("admin",),
}
"""Which roles may make a call."""

BODIES = {
    "tickets": BODY,
    "builds": BUILD,
    "shop": {"auto_close": True},
    "repositories": {"name": "acme/shop", "project": "shop"},
    "webhooks": {"url": "https://hooks.invalid/"},
    "redact": {"text": "answers 500"},
}


@pytest.fixture(scope="module")
def desk_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("permissions") / "handoff.db"
    make_project(store, "shop")
    filed = requests.create_ticket(project="shop")
    in_store(store, lambda opened: opened.create_ticket(OPERATOR, filed))
    return store


@pytest.fixture(scope="module")
def tokens(desk_store: Path) -> Mapping[str, str]:
    """A token of each role, one of an admin in one project, and one to be revoked."""
    limited = make_token(desk_store, "limited", "admin", "shop")
    make_token(desk_store, "spare", "reader")
    return {"limited": limited} | {role: make_token(desk_store, role, role) for role in ROLES}


@pytest.fixture(scope="module")
def served(desk_store: Path, tokens: Mapping[str, str]) -> Iterator[Served]:
    with Served(desk_store) as running:
        yield running


@pytest.mark.parametrize("call", MAY, ids=" ".join)
def test_a_call_over_rest_is_open_to_its_roles_and_forbidden_to_the_others(
    served: Served, tokens: Mapping[str, str], call: tuple[str, str]
) -> None:
    method, path = call
    body = BODIES.get(path.rpartition("/")[2]) if method in ("POST", "PATCH") else None
    for role in sorted(ROLES, key=lambda role: role in MAY[call]):
        body = {"name": f"By {role}"} if path == "/api/projects" and method == "POST" else body
        called = served.http.request(method, path, json=body, headers=bearer(tokens[role]))
        assert called.is_success == (role in MAY[call]), (role, called.text)
        if not called.is_success:
            assert called.status_code == 403, role


def test_an_admin_of_some_projects_sees_no_tokens_registers_no_builds_and_sets_no_policies(
    served: Served, tokens: Mapping[str, str]
) -> None:
    headers = bearer(tokens["limited"])
    assert served.http.get("/api/tokens", headers=headers).status_code == 403
    registered = served.http.post("/api/v1/org/default/builds", json=BUILD, headers=headers)
    assert registered.status_code == 403
    changed = served.http.patch("/api/projects/shop", json={"four_eyes": False}, headers=headers)
    assert changed.status_code == 403
    assert served.http.get("/api/repositories", headers=headers).status_code == 403
    assert served.http.get("/api/webhooks", headers=headers).status_code == 403


def test_the_list_of_tokens_holds_no_secret(served: Served, tokens: Mapping[str, str]) -> None:
    listed = served.http.get("/api/tokens", headers=bearer(tokens["admin"]))
    assert {row["name"] for row in listed.json()["tokens"]} == {*ROLES, "limited", "spare"}
    assert not any(secret in listed.text for secret in tokens.values())


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
@pytest.mark.parametrize("role", ROLES)
async def test_over_mcp_everyone_but_a_reader_writes_and_all_act_as_bots(
    served: Served, tokens: Mapping[str, str], role: str, mode: str
) -> None:
    ticket = {**TICKET, "title": f"Filed by {role} over {mode}"}
    async with httpx2.AsyncClient(headers=bearer(tokens[role])) as http:
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            desk = Agent(client)
            assert "tickets" in await desk.call("find_tickets", project="shop")
            if role != "reader":
                name = await desk.file_ticket(**ticket, project="shop")
                filed = (await desk.whole(name))["ticket"]
                assert (filed["actor_role"], filed["actor_id"]) == ("bot", role)
            elif mode == "legacy":
                error = await desk.refusal("create_ticket", {**ticket, "project": "shop"})
                assert error["code"] == "FORBIDDEN"


def test_a_token_that_an_admin_revokes_over_rest_stops_at_once(
    served: Served, tokens: Mapping[str, str], desk_store: Path
) -> None:
    leaked = make_token(desk_store, "leaked", "user")
    assert served.http.get("/api/projects", headers=bearer(leaked)).status_code == 200
    revoked = served.http.delete("/api/tokens/leaked", headers=bearer(tokens["admin"]))
    assert revoked.json()["token"]["revoked_at"]
    assert served.http.get("/api/projects", headers=bearer(leaked)).status_code == 401


def test_a_body_may_not_say_what_the_path_says(served: Served, tokens: Mapping[str, str]) -> None:
    body = {**BODY, "title": "In another project", "project": "app", "idempotency_key": "k"}
    refused = served.http.post(
        "/api/projects/shop/tickets", json=body, headers=bearer(tokens["user"])
    )
    assert refused.status_code == 400
    assert set(refused.json()["fieldErrors"]) == {"project", "idempotency_key"}
