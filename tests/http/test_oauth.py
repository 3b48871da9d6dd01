"""Tokens of an issuer: checked against its keys, and refused with the way to a better one."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_handoff.http import oauth
from tests.databases import empty
from tests.http.issuer import READ, WRITE, Issuer
from tests.http.served import Served, bearer, make_token
from tests.mcp.agent import Agent
from tests.mcp.wire import call

pytestmark = pytest.mark.proof

AUDIENCE = "https://desk.example/mcp"
METADATA = "/.well-known/oauth-protected-resource"
PROJECTS = "/api/projects"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def served(shared_store: Path, issuer: Issuer) -> Iterator[Served]:
    """A server that trusts the issuer, and that a module's tests share."""
    with trusting(issuer, shared_store) as running:
        yield running


@pytest.fixture
def own_issuer() -> Iterator[Issuer]:
    """An issuer of one test, which stops it or counts what is fetched."""
    with Issuer() as running:
        yield running


@pytest.fixture
def alone(store: Path, own_issuer: Issuer) -> Iterator[Served]:
    with trusting(own_issuer, store) as running:
        yield running


def trusting(issuer: Issuer, store: Path) -> Served:
    settings = {"HANDOFF_OAUTH_ISSUER": issuer.url, "HANDOFF_OAUTH_AUDIENCE": AUDIENCE}
    return Served(store, **settings)


def challenged(answer: httpx2.Response) -> dict[str, str]:
    """Return the parts of a WWW-Authenticate."""
    scheme, _, parts = answer.headers["WWW-Authenticate"].partition(" ")
    assert scheme == "Bearer"
    return {
        name: value.strip('"') for name, value in (part.split("=", 1) for part in parts.split(", "))
    }


async def test_an_agent_acts_under_the_subject_of_its_token(served: Served, issuer: Issuer) -> None:
    empty(served.store)
    headers = bearer(issuer.token(AUDIENCE))
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport) as client:
            agent = Agent(client)
            ticket = (await agent.whole(await agent.file_ticket()))["ticket"]
    assert (ticket["actor_role"], ticket["actor_id"]) == ("bot", "ada")
    rows = served.http.get(f"{PROJECTS}/shop/tickets", headers=headers).json()["tickets"]
    assert [row["reference"] for row in rows] == ["HO-1-shop"]


def test_a_token_that_does_not_hold_is_refused_with_the_way_to_a_better_one(
    served: Served, issuer: Issuer
) -> None:
    with Issuer() as other:
        wrong = {
            "audience": issuer.token("https://other.example/mcp"),
            "expired": issuer.token(AUDIENCE, exp=int(time.time()) - 60),
            "early": issuer.token(AUDIENCE, nbf=int(time.time()) + 600),
            "issuer": issuer.token(AUDIENCE, iss=other.url),
            "signature": other.token(AUDIENCE, iss=issuer.url),
            "shared key": jwt.encode({"sub": "ada"}, "x" * 32, algorithm="HS256"),
            "unsigned": jwt.encode({"sub": "ada"}, "", algorithm="none"),
            "nobody": issuer.token(AUDIENCE, sub=None),
            "rubbish": "rubbish",
        }
    for name, token in wrong.items():
        refused = served.http.get(PROJECTS, headers=bearer(token))
        assert refused.status_code == 401, name
        assert challenged(refused) == {
            "error": "invalid_token",
            "scope": f"{READ} {WRITE}",
            "resource_metadata": f"https://desk.example{METADATA}/mcp",
        }
        assert token not in refused.text
    for path in ("/mcp", "/sse", PROJECTS):
        assert "error" not in challenged(served.http.get(path))


def test_the_metadata_names_the_issuer_to_whoever_asks(served: Served, issuer: Issuer) -> None:
    for path in (METADATA, f"{METADATA}/mcp"):
        assert served.http.get(path).json() == {
            "resource": AUDIENCE,
            "resource_name": "mcp-handoff",
            "authorization_servers": [issuer.url],
            "scopes_supported": [READ, WRITE],
            "bearer_methods_supported": ["header"],
        }


async def test_a_token_that_may_read_writes_at_no_door(served: Served, issuer: Issuer) -> None:
    empty(served.store)
    headers = bearer(issuer.token(AUDIENCE, scope=f"profile {READ}"))
    assert served.http.get(PROJECTS, headers=headers).status_code == 200
    lacking = [served.http.post(PROJECTS, json={"name": "x"}, headers=headers)]
    modern = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "create_ticket",
        **headers,
    }
    lacking.append(served.http.post("/mcp", json=call(1, "create_ticket"), headers=modern))
    for refused in lacking:
        assert refused.status_code == 403
        assert challenged(refused)["error"] == "insufficient_scope"
        assert challenged(refused)["scope"] == f"{READ} {WRITE}"
    async with httpx2.AsyncClient(headers=headers) as http:
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport, mode="legacy") as client:
            assert (await Agent(client).call("find_tickets"))["tickets"] == []
            error = await Agent(client).refusal("create_ticket", {})
    assert error["code"] == "FORBIDDEN"


def test_a_token_without_a_scope_of_ours_is_refused(served: Served, issuer: Issuer) -> None:
    refused = served.http.get(PROJECTS, headers=bearer(issuer.token(AUDIENCE, scope="profile")))
    assert refused.status_code == 403
    assert challenged(refused)["error"] == "insufficient_scope"


def test_the_issuers_keys_are_fetched_once(alone: Served, own_issuer: Issuer) -> None:
    for scopes in ({"scope": READ}, {"scope": "", "scp": [READ]}):
        claims: dict[str, Any] = {name: value for name, value in scopes.items() if value}
        token = own_issuer.token(AUDIENCE, **claims)
        assert alone.http.get(PROJECTS, headers=bearer(token)).status_code == 200
    assert own_issuer.requests.count("/realm/keys") == 1


def test_an_issuer_that_is_away_is_no_fault_of_the_token(alone: Served, own_issuer: Issuer) -> None:
    own_issuer.stop()
    answer = alone.http.get(PROJECTS, headers=bearer(own_issuer.token(AUDIENCE)))
    assert answer.status_code == 502
    assert answer.json()["code"] == "BACKEND_UNAVAILABLE"


def test_keys_that_are_known_outlast_their_issuer(alone: Served, own_issuer: Issuer) -> None:
    headers = bearer(own_issuer.token(AUDIENCE))
    assert alone.http.get(PROJECTS, headers=headers).status_code == 200
    own_issuer.stop()
    assert alone.http.get(PROJECTS, headers=headers).status_code == 200


async def test_no_proxy_reads_what_an_issuer_on_this_machine_is_asked(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Issuer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        trusted = oauth.Issuer(issuer.url, AUDIENCE)
        principal = await trusted.authenticate(issuer.token(AUDIENCE))
    assert (principal and principal.name, proxy.requests) == ("ada", [])


def test_our_own_tokens_hold_beside_the_issuers(served: Served) -> None:
    token = make_token(served.store, "ada", "user")
    assert served.http.get(PROJECTS, headers=bearer(token)).status_code == 200
    assert served.http.get(PROJECTS, headers=bearer(token + "x")).status_code == 401
