"""The REST API of a running server, as a portal meets it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.http.served import Served, make_token

BODY: dict[str, Any] = {
    "title": "Checkout fails at 100 items",
    "description": "POST /checkout answers 500 from the 100th item on.",
    "request_type": "bug",
    "roles": ["backend"],
    "priority": "high",
    "blocking": False,
}
"""A body that files a ticket."""

NOWHERE = "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    """A server whose callers need a token; its client has a user's."""
    with Served(store, token=make_token(store, "ada", "--role", "user")) as running:
        yield running


@pytest.fixture
def http(served: Served) -> httpx2.Client:
    return served.http


@pytest.fixture
def project(http: httpx2.Client) -> str:
    """The path of a fresh project."""
    made = http.post("/api/projects", json={"name": "Web Shop"})
    assert made.status_code == 201
    return f"/api/projects/{made.json()['project']['id']}"


@pytest.fixture
def ticket(http: httpx2.Client, project: str) -> str:
    """The path of a ticket in it."""
    made = http.post(f"{project}/tickets", json=BODY)
    return f"{project}/tickets/{made.json()['ticket']['id']}"
