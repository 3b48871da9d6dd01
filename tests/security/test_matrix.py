"""Every operation of every door, tried by everyone: what is not said here to be theirs is refused.

The operations are read off the OpenAPI description and the list of tools: one that is new belongs
to nobody, and fails, until it is said whose it is.
"""

import string
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from mcp import MCPError
from mcp_types import ResourceTemplateReference

from tests.http.served import Served, bearer, command, make_project, make_token
from tests.mcp.agent import Agent
from tests.requests import TICKET
from tests.security.conftest import at_desk

MARK = "zucchini"
"""Stands in all that project shop holds; who may not see the project must never read it."""

SHOP_READERS = frozenset({"reader", "bot", "user", "admin", "shop-reader", "shop-bot", "shop-user"})
SHOP_WRITERS = SHOP_READERS - {"reader", "shop-reader"}
OTHERS = frozenset({"app-reader", "app-bot", "app-user", "app-admin"})
EVERYONE = SHOP_READERS | OTHERS | {"shop-admin"}
STRANGERS = frozenset({"", "unknown", "revoked", "garbled"})
"""Those without a valid token; the first has none."""

READ = SHOP_READERS | {"shop-admin"}
WRITE = SHOP_WRITERS | {"shop-admin"}
FOLLOW = frozenset({"user", "admin", "shop-user", "shop-admin"})
FILTERED = EVERYONE
"""Everyone gets an answer, in which each finds what they may see."""


@dataclass(frozen=True, slots=True)
class Owned:
    """An operation with arguments about project shop, and whose it is."""

    owners: frozenset[str]
    arguments: Mapping[str, Any]


def owned(owners: frozenset[str], **arguments: Any) -> Owned:
    return Owned(owners, arguments)


BODY = {**TICKET, "title": f"Checkout of {MARK} fails", "priority": "low", "blocking": False}
BUILD = {"build_ref": f"{MARK}-1", "display_name": f"{MARK} 1", "provider": "docker"}
TICKETS, SUGGESTIONS = "/projects/{id}/tickets", "/projects/{id}/ai-suggestions"
BUILDS = "/v1/org/{org}/builds"

REST: Mapping[tuple[str, str], Owned] = {
    ("GET", "/me"): owned(FILTERED),
    ("GET", "/projects"): owned(FILTERED),
    ("POST", "/projects"): owned(frozenset({"user", "admin"}), name="Fresh <caller>"),
    ("PATCH", "/projects/{id}"): owned(frozenset({"admin"}), four_eyes=False),
    ("GET", "/tickets"): owned(FILTERED),
    ("GET", "/projects/{id}/overview"): owned(READ),
    ("GET", TICKETS): owned(READ),
    ("POST", TICKETS): owned(WRITE, **BODY),
    ("GET", f"{TICKETS}/{{ticketId}}"): owned(READ),
    ("PATCH", f"{TICKETS}/{{ticketId}}"): owned(WRITE, priority="high"),
    ("POST", f"{TICKETS}/{{ticketId}}/take"): owned(WRITE, role="backend"),
    ("POST", "/projects/{id}/take"): owned(WRITE, role="backend"),
    ("GET", f"{TICKETS}/{{ticketId}}/messages"): owned(READ),
    ("POST", f"{TICKETS}/{{ticketId}}/messages"): owned(WRITE, body=MARK),
    ("POST", f"{TICKETS}/{{ticketId}}/trigger-bot-build"): owned(WRITE, repo="acme/shop"),
    ("POST", f"{TICKETS}/{{ticketId}}/redact"): owned(frozenset({"admin"}), text="Checkout of"),
    ("GET", "/projects/{id}/takes"): owned(READ),
    ("GET", "/projects/{id}/events"): owned(FOLLOW),
    ("GET", SUGGESTIONS): owned(READ),
    ("POST", SUGGESTIONS): owned(WRITE, ticket_id="1", evidence={"found": MARK}),
    ("POST", f"{SUGGESTIONS}/{{suggestionId}}/action"): owned(WRITE, action="decline", reason="no"),
    ("GET", BUILDS): owned(FILTERED),
    ("POST", BUILDS): owned(frozenset({"bot", "user", "admin"}), **BUILD),
    ("GET", f"{BUILDS}/{{build_id}}"): owned(READ),
    ("PATCH", f"{BUILDS}/{{build_id}}"): owned(WRITE, description=MARK),
    ("POST", f"{BUILDS}/{{build_id}}/report"): owned(WRITE, status="running"),
    ("GET", "/tokens"): owned(frozenset({"admin"})),
    ("DELETE", "/tokens/{token}"): owned(frozenset({"admin"})),
    ("GET", "/repositories"): owned(frozenset({"admin"})),
    ("POST", "/repositories"): owned(frozenset({"admin"}), name="acme/<caller>", project="shop"),
    ("DELETE", "/repositories/{repository_id}"): owned(frozenset({"admin"})),
    ("GET", "/webhooks"): owned(frozenset({"admin"})),
    ("POST", "/webhooks"): owned(frozenset({"admin"}), url=f"https://{MARK}.invalid/"),
    ("POST", "/webhooks/{webhook_id}/test"): owned(frozenset({"admin"})),
    ("DELETE", "/webhooks/{webhook_id}"): owned(frozenset({"admin"})),
    ("POST", "/runs/{run_id}/report"): owned(frozenset(), status="running"),
}
"""Whose each operation over REST is; a report is nobody's who has no secret of its run."""

TOOLS: Mapping[str, Owned] = {
    "create_ticket": owned(WRITE, **TICKET | {"title": BODY["title"]}, project="shop"),
    "find_tickets": owned(READ, project="shop"),
    "get_ticket": owned(READ, ticket="HO-1-shop"),
    "take_ticket": owned(WRITE, ticket="HO-1-shop", role="backend"),
    "update_ticket": owned(WRITE, ticket="HO-1-shop", priority="high"),
    "add_message": owned(WRITE, ticket="HO-1-shop", body=MARK),
    "trigger_bot_build": owned(WRITE, ticket="HO-1-shop"),
    "suggest_close": owned(WRITE, ticket="HO-1-shop", evidence={"found": MARK}),
    "list_suggestions": owned(READ, project="shop"),
    "act_on_suggestion": owned(
        WRITE, project="shop", suggestion_id="{suggestionId}", action="decline", reason="no"
    ),
    "find_builds": owned(FILTERED),
    "report_build": owned(WRITE, build_id="{build_id}", status="running"),
    "update_build": owned(WRITE, build_id="{build_id}", description=MARK),
    "get_overview": owned(READ, project="shop"),
}
"""Whose each tool is."""


class Place:
    """A server whose project shop holds one of everything, and a credential for everybody."""

    def __init__(self, served: Served, tokens: Mapping[str, str]) -> None:
        self.served, self.tokens = served, tokens
        self._root = bearer(tokens["admin"])
        shop = "/api/projects/shop"
        ticket = self._made(f"{shop}/tickets", BODY)["ticket"]
        for number in range(len(WRITE)):  # one for everybody who takes the next
            self._made(f"{shop}/tickets", {**BODY, "title": f"{number} times {MARK} fails"})
        triggered = self._made(f"{shop}/tickets/{ticket['id']}/trigger-bot-build", {})
        run = triggered["ticket"]["ai_output"]["build_run"]
        evidence = {"found": MARK}
        suggested = self._made(
            f"{shop}/ai-suggestions", {"ticket_id": ticket["id"], "evidence": evidence}
        )
        linked = self._made("/api/repositories", {"name": f"{MARK}/shop", "project": "shop"})
        told = {"url": f"https://{MARK}.invalid/", "project": "shop"}
        self.names = {
            "id": "shop",
            "repository_id": linked["repository"]["id"],
            "webhook_id": self._made("/api/webhooks", told)["webhook"]["id"],
            "ticketId": "1",
            "org": "default",
            "token": "spare",
            "suggestionId": suggested["suggestion"]["id"],
            "build_id": run["build_id"],
            "run_id": run["id"],
        }

    def described(self) -> set[tuple[str, str]]:
        """Return every operation that the OpenAPI description has."""
        paths = self.served.http.get("/api/openapi.json", headers=self._root).json()["paths"]
        return {(method.upper(), path) for path, methods in paths.items() for method in methods}

    def request(self, method: str, path: str, caller: str) -> httpx2.Response:
        """Make a caller's request about project shop, each operation's from an address of its own:
        wrong tokens of one address are soon slowed."""
        body = _filled(REST[method, path].arguments, {"caller": caller or "nobody"})
        address = f"/api{path.format(**self.names)}"
        headers = {"X-Forwarded-For": f"203.0.113.{[*REST].index((method, path))}"}
        headers |= bearer(self.tokens[caller]) if caller else {}
        sent = None if method in ("GET", "DELETE") else body
        return self.served.http.request(method, address, json=sent, headers=headers)

    def arguments_of(self, tool: str) -> dict[str, Any]:
        return _filled(TOOLS[tool].arguments, self.names)

    def _made(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        made = self.served.http.post(path, json=body, headers=self._root)
        assert made.is_success, made.text
        return made.json()


def _filled(arguments: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return arguments with the names in their texts filled in, `{name}` or `<name>`."""
    filled: dict[str, Any] = {}
    for key, value in arguments.items():
        for name, told in names.items():
            if isinstance(value, str):
                value = value.replace(f"{{{name}}}", told).replace(f"<{name}>", told)
        filled[key] = value
    return filled


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    store = tmp_path_factory.mktemp("matrix") / "handoff.db"
    for slug in ("shop", "app"):
        make_project(store, slug)
    secret = f"whsec_{b64encode(bytes(32)).decode()}"
    tokens = made_tokens(store)
    with Served(
        store,
        BUILD_DISPATCH_URL="http://127.0.0.1:9/",
        BUILD_DISPATCH_SECRET=secret,
        HANDOFF_TRUSTED_PROXIES="127.0.0.1",
    ) as served:
        yield Place(served, tokens)


def made_tokens(store: Path) -> dict[str, str]:
    tokens = {"unknown": f"mho_{'0' * 32}_{'x' * 43}", "garbled": "mho_"}
    for role in ("reader", "bot", "user", "admin"):
        tokens[role] = make_token(store, role, role)
        for slug in ("shop", "app"):
            tokens[f"{slug}-{role}"] = make_token(store, f"{slug}-{role}", role, slug)
    tokens["revoked"] = make_token(store, "revoked", "admin")
    assert command(store, "token", "revoke", "revoked").returncode == 0
    make_token(store, "spare", "reader")
    return tokens


def test_every_operation_has_an_owner(place: Place) -> None:
    assert place.described() == REST.keys()
    named = {name for _, path in REST for _, name, _, _ in string.Formatter().parse(path) if name}
    assert named <= place.names.keys()


@pytest.mark.parametrize("operation", REST, ids=" ".join)
def test_over_rest_an_operation_is_its_owners_alone(
    place: Place, operation: tuple[str, str]
) -> None:
    owners = REST[operation].owners
    # Those who may not come first: what they did all the same would be seen by the others.
    for caller in sorted(STRANGERS | EVERYONE, key=lambda name: name in owners):
        response = place.request(*operation, caller)
        refused = response.status_code in (401, 403, 404)
        assert refused != (caller in owners), (caller, response.status_code, response.text)
        if caller in STRANGERS:
            assert response.status_code == 401, (caller, response.text)
        if caller in OTHERS | STRANGERS:
            assert MARK not in response.text, caller


@pytest.mark.parametrize("caller", sorted(STRANGERS))
def test_mcp_opens_to_no_stranger(place: Place, caller: str) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = bearer(place.tokens[caller]) if caller else {}
    refused = place.served.http.post("/mcp", json=call, headers=headers)
    assert refused.status_code == 401
    assert MARK not in refused.text


@pytest.mark.parametrize("caller", sorted(EVERYONE))
async def test_over_mcp_a_tool_is_its_owners_alone(place: Place, caller: str) -> None:
    async with at_desk(place.served, "mcp", place.tokens[caller]) as desk:
        assert isinstance(desk, Agent)
        listed = {tool.name for tool in (await desk.client.list_tools()).tools}
        for tool, owned_by in TOOLS.items():
            if tool not in listed:
                assert caller not in owned_by.owners, tool
                continue
            try:
                result = await desk.client.call_tool(tool, place.arguments_of(tool))
            except MCPError:  # how 403 with insufficient_scope comes to a client
                assert caller not in owned_by.owners, tool
                continue
            told = cast(dict[str, dict[str, str]], result.structured_content or {})
            code = told["error"]["code"] if result.is_error else ""
            refused = code in ("FORBIDDEN", "NOT_FOUND")
            assert refused != (caller in owned_by.owners), (tool, result.content)
            if caller in OTHERS:
                assert MARK not in f"{result.content} {result.structured_content}", tool


async def test_every_tool_has_an_owner(place: Place) -> None:
    async with at_desk(place.served, "mcp", place.tokens["admin"]) as desk:
        assert isinstance(desk, Agent)
        assert {tool.name for tool in (await desk.client.list_tools()).tools} == TOOLS.keys()


async def test_resources_and_completions_are_of_what_one_may_see(place: Place) -> None:
    template = ResourceTemplateReference(uri="handoff://tickets/{ref}")
    for caller in sorted(EVERYONE):
        async with at_desk(place.served, "mcp", place.tokens[caller]) as desk:
            assert isinstance(desk, Agent)
            completed = await desk.client.complete(template, {"name": "ref", "value": ""})
            assert ("HO-1-shop" in completed.completion.values) <= (caller not in OTHERS)
            for uri in ("handoff://tickets", "handoff://tickets/HO-1-shop"):
                try:
                    read = str(await desk.client.read_resource(uri))
                except MCPError as error:
                    read = str(error)
                assert (MARK in read) <= (caller not in OTHERS), (caller, uri)
