"""Whom a request comes from, when a proxy says so, and when somebody else does."""

import json
from pathlib import Path

import pytest

from tests.http.served import Served, bearer, make_token

BEHIND_A_PROXY: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, "127.0.0.1"),
    "one": ({"X-Forwarded-For": "203.0.113.7"}, "203.0.113.7"),
    "two": ({"X-Forwarded-For": "203.0.113.7, 10.1.2.3"}, "203.0.113.7"),
    "made-up": ({"X-Forwarded-For": "127.0.0.1, 198.51.100.1, 203.0.113.7"}, "203.0.113.7"),
    "ours": ({"X-Forwarded-For": "10.1.2.3"}, "10.1.2.3"),
    "port": ({"X-Forwarded-For": "203.0.113.7:4711"}, "203.0.113.7"),
    "mapped": ({"X-Forwarded-For": "203.0.113.7, ::ffff:10.1.2.3"}, "203.0.113.7"),
    "no-address": ({"X-Forwarded-For": "203.0.113.7, unknown, 10.1.2.3"}, "10.1.2.3"),
    "rubbish": ({"X-Forwarded-For": "<script>,,"}, "127.0.0.1"),
    "standard": ({"Forwarded": 'proto=https;For="[2001:db8::1]:4711"'}, "2001:db8::1"),
    "chain": ({"Forwarded": "for=_hidden, for=203.0.113.7;by=x, for=10.1.2.3"}, "203.0.113.7"),
    "agreeing": ({"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7"}, "203.0.113.7"),
    "other": ({"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=203.0.113.7"}, "127.0.0.1"),
}


@pytest.fixture
def token(store: Path) -> str:
    return make_token(store, "ada", "user")


def clients(served: Served, token: str) -> dict[str, str]:
    """Return whom the log has each of the requests come from."""
    for name, (headers, _) in BEHIND_A_PROXY.items():
        named = {"X-Request-Id": name, **headers, **bearer(token)}
        assert served.http.get("/api/projects", headers=named).status_code == 200
    _, errors = served.end()
    lines = [json.loads(line) for line in errors.splitlines()]
    return {line["request"]: line["client"] for line in lines if "client" in line}


def test_a_trusted_proxy_tells_whom_a_request_comes_from(store: Path, token: str) -> None:
    settings = {"HANDOFF_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8", "HANDOFF_LOG_LEVEL": "INFO"}
    with Served(store, **settings) as served:
        told = clients(served, token)
    assert told == {name: client for name, (_, client) in BEHIND_A_PROXY.items()}


def test_nobody_else_does(store: Path, token: str) -> None:
    settings = {"FORWARDED_ALLOW_IPS": "*", "HANDOFF_LOG_LEVEL": "INFO"}
    with Served(store, **settings) as served:
        assert set(clients(served, token).values()) == {"127.0.0.1"}
