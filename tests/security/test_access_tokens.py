"""What else an OAuth issuer signs, and what strangers send in its name."""

import base64
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.http import oauth
from tests.http.issuer import READ, WRITE, Issuer
from tests.http.served import Served, bearer, make_project
from tests.requests import TICKET
from tests.security.conftest import at_desk

pytestmark = pytest.mark.proof

AUDIENCE = "https://desk.example/mcp"
DOORS = ("/api/projects", "/mcp", "/sse")
LOGOUT: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
DEEP = b"[" * 100_000
ADDRESSES = itertools.count(1)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Served]:
    store: Path = tmp_path_factory.mktemp("shared") / "handoff.db"
    make_project(store, "shop")
    settings = {
        "HANDOFF_OAUTH_ISSUER": issuer.url,
        "HANDOFF_OAUTH_AUDIENCE": AUDIENCE,
        "HANDOFF_TRUSTED_PROXIES": "127.0.0.1",
    }
    with Served(store, **settings) as running:
        yield running


def assert_refused(served: Served, token: str, why: str) -> None:
    """Every door answers 401, in words of ours."""
    # Wrong tokens of one address are soon slowed.
    client = {"X-Forwarded-For": f"203.0.113.{next(ADDRESSES)}"}
    for path in DOORS:
        refused = served.http.get(path, headers=bearer(token) | client)
        assert refused.status_code == 401, refused.text
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
        assert why in refused.text
        assert token not in refused.text


FLAWS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, "bound to a key"),
    ({}, {"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}, "bound to a"),
    ({"typ": "at+jwt"}, {"cnf": {}}, "bound to a key"),
    ({"typ": "logout+jwt"}, {}, "its typ"),
    ({"typ": "dpop+jwt"}, {}, "its typ"),
    ({"typ": "secevent+jwt"}, {}, "its typ"),
    ({"typ": ["JWT"]}, {}, "its typ"),
    ({}, {"events": LOGOUT}, "its events"),
    ({}, {"nonce": "n-0S6_WzA2Mj"}, "its nonce"),
    ({}, {"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, "its at_hash"),
    ({}, {"c_hash": "LDktKdoQak3Pk0cnXxCltA"}, "its c_hash"),
    ({}, {"sub": ""}, "sub"),
    ({}, {"sub": " "}, "sub"),
    ({}, {"sub": "a" * 256}, "sub"),
    ({}, {"sub": "ada\x00"}, "sub"),
    ({}, {"sub": "ada\ud800"}, "sub"),
    ({}, {"sub": "ada\nticket.closed by bob"}, "sub"),
    ({}, {"sub": "\u202eada"}, "sub"),
    ({}, {"exp": "4102444800"}, "exp"),
    ({"crit": ["urn:example:unknown"]}, {}, "unknown, expired"),
    ({}, {"exp": float("inf")}, "unknown, expired"),
    ({}, {"exp": [1]}, "unknown, expired"),
    ({}, {"sub": 7}, "unknown, expired"),
    ({}, {"aud": [[AUDIENCE]]}, "unknown, expired"),
]

NO_PROJECTS: list[tuple[Any, int]] = [
    *((named, 403) for named in (None, [], "", ["Shop"], ["*", "shop"], ["shop "])),
    *((named, 401) for named in (7, True, {"shop": True}, [["shop"]], [None])),
]
NO_ROLES: list[tuple[Any, int]] = [
    *((named, 403) for named in (None, [], "root", "Admin", ["admin", "bot"])),
    *((named, 401) for named in (7, {"admin": True}, [["admin"]])),
]


@pytest.mark.parametrize(("head", "claims", "why"), FLAWS, ids=str)
def test_what_is_no_bearer_token_of_ours_is_refused_in_our_own_words(
    served: Served, issuer: Issuer, head: Mapping[str, Any], claims: Mapping[str, Any], why: str
) -> None:
    assert_refused(served, issuer.token(AUDIENCE, head=head, **claims), why)


@pytest.mark.parametrize("head", [b"[]", b"{", b"\xff", DEEP, b'{"alg": ["ES256"]}'], ids=repr)
def test_what_is_no_token_is_refused(served: Served, head: bytes) -> None:
    parts = (head[:20_000], DEEP[:20_000], b"signature")
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    assert_refused(served, token, "unknown, expired")


@pytest.mark.parametrize(
    ("head", "claims"),
    [
        ({"typ": None}, {}),
        ({"typ": "at+jwt"}, {"nonce": "n-0S6_WzA2Mj"}),
        ({"typ": "application/AT+JWT"}, {}),
        ({}, {"sub": "a" * 255}),
        ({}, {"sub": "Žofie 7"}),
    ],
    ids=str,
)
def test_what_is_an_access_token_is_taken(
    served: Served, issuer: Issuer, head: Mapping[str, Any], claims: Mapping[str, Any]
) -> None:
    headers = bearer(issuer.token(AUDIENCE, head=head, **claims))
    title = f"Under {head} {claims}"[:100]
    body = {**TICKET, "title": title, "priority": "low", "blocking": False}
    filed = served.http.post("/api/projects/shop/tickets", json=body, headers=headers)
    assert filed.status_code == 201, filed.text
    assert filed.json()["ticket"]["actor_id"] == claims.get("sub", "ada")


@pytest.mark.parametrize(
    "attributes",
    [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"alg": "ECDH-ES"}],
    ids=str,
)
async def test_a_key_for_something_else_checks_no_signature(
    attributes: Mapping[str, Any],
) -> None:
    with Issuer() as issuer:
        other = {**issuer.keys()[0], **attributes}
        token = issuer.token(AUDIENCE)
        issuer.rotate()
        issuer.published = json.dumps({"keys": [other, issuer.keys()[1]]}).encode()
        trusted = oauth.Issuer(issuer.url, AUDIENCE)
        assert await trusted.authenticate(token) is None
        assert await trusted.authenticate(issuer.token(AUDIENCE))


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
async def test_a_short_key_of_rsa_checks_no_signature() -> None:
    with Issuer() as issuer:
        issuer.rotate(generate_private_key(65537, 1024))
        short = issuer.token(AUDIENCE)
        issuer.rotate(generate_private_key(65537, 2048))
        trusted = oauth.Issuer(issuer.url, AUDIENCE)
        assert await trusted.authenticate(short) is None
        assert await trusted.authenticate(issuer.token(AUDIENCE))
        issuer.published = json.dumps({"keys": issuer.keys()[1:2]}).encode()
        with pytest.raises(BackendUnavailable):
            await oauth.Issuer(issuer.url, AUDIENCE).authenticate(short)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[Served]:
    """A server that takes projects and roles from the issuer's claims."""
    store: Path = tmp_path_factory.mktemp("mapped") / "handoff.db"
    make_project(store, "shop")
    make_project(store, "secret")
    with Served(
        store,
        HANDOFF_OAUTH_ISSUER=issuer.url,
        HANDOFF_OAUTH_AUDIENCE=AUDIENCE,
        HANDOFF_OAUTH_PROJECTS_CLAIM="https://desk.example/projects",
        HANDOFF_OAUTH_ROLE_CLAIM="roles",
    ) as running:
        yield running


def mapping(issuer: Issuer, projects: object, roles: object, scope: str = WRITE) -> dict[str, str]:
    """Return the header of a token with both claims; None leaves one out."""
    claims = {"https://desk.example/projects": projects, "roles": roles}
    held: dict[str, Any] = {name: value for name, value in claims.items() if value is not None}
    return bearer(issuer.token(AUDIENCE, scope=scope, **held))


@pytest.mark.parametrize("projects", [["shop"], "shop", ["shop", "none-yet"]], ids=str)
async def test_a_token_sees_the_projects_that_its_claim_lists(
    mapped: Served, issuer: Issuer, projects: object
) -> None:
    headers = mapping(issuer, projects, "bot")
    told = mapped.http.get("/api/projects", headers=headers).json()["projects"]
    assert [project["slug"] for project in told] == ["shop"]
    assert mapped.http.get("/api/projects/secret/tickets", headers=headers).status_code == 404
    token = headers["Authorization"].removeprefix("Bearer ")
    async with at_desk(mapped, "mcp", token) as desk:
        listed = (await desk.call("get_overview"))["projects"]
        assert [project["project"] for project in listed] == ["shop"]
        assert (await desk.refusal("find_tickets", {"project": "secret"}))["code"] == "NOT_FOUND"


@pytest.mark.parametrize(("projects", "status"), NO_PROJECTS, ids=str)
def test_a_token_that_names_no_project_sees_none(
    mapped: Served, issuer: Issuer, projects: object, status: int
) -> None:
    for path in DOORS:
        refused = mapped.http.get(path, headers=mapping(issuer, projects, "admin"))
        assert refused.status_code == status, refused.text
        assert "https://desk.example/projects" in refused.text


@pytest.mark.parametrize(("roles", "status"), NO_ROLES, ids=str)
def test_a_token_that_names_no_role_of_ours_is_refused(
    mapped: Served, issuer: Issuer, roles: object, status: int
) -> None:
    for path in DOORS:
        refused = mapped.http.get(path, headers=mapping(issuer, "*", roles))
        assert refused.status_code == status, refused.text
        assert "The roles of this token" in refused.text


@pytest.mark.parametrize(
    ("role", "scope", "becomes", "lists_tokens"),
    [
        ("admin", WRITE, "admin", 200),
        (["offline_access", "admin"], WRITE, "admin", 200),
        ("admin", READ, "reader", 403),
        ("user", WRITE, "user", 403),
        ("bot", WRITE, "bot", 403),
        ("reader", WRITE, "reader", 403),
    ],
    ids=str,
)
def test_a_token_has_the_role_of_its_claim_and_no_more_than_its_scope(
    mapped: Served, issuer: Issuer, role: object, scope: str, becomes: str, lists_tokens: int
) -> None:
    headers = mapping(issuer, "*", role, scope)
    assert mapped.http.get("/api/me", headers=headers).json()["role"] == becomes
    assert mapped.http.get("/api/tokens", headers=headers).status_code == lists_tokens
