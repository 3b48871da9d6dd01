"""The REST API of a running server, as a portal meets it.

A module's tests share a server, and each has a project of its own in it.
"""

from collections.abc import Iterator
from itertools import count
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

_numbers = count(1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose callers need a token; its client has a user's."""
    yield from started(tmp_path_factory.mktemp("shared") / "handoff.db")


@pytest.fixture
def alone(store: Path) -> Iterator[Served]:
    """The same with a new store for one test, which may do harm to both."""
    yield from started(store)


@pytest.fixture
def http(served: Served) -> httpx2.Client:
    return served.http


@pytest.fixture
def project(http: httpx2.Client) -> str:
    """The path of a fresh project."""
    return new_project(http)


@pytest.fixture
def ticket(http: httpx2.Client, project: str) -> str:
    """The path of a ticket in it."""
    return new_ticket(http, project)


def started(store: Path) -> Iterator[Served]:
    with Served(store, token=make_token(store, "ada", "user")) as running:
        yield running


def new_project(http: httpx2.Client) -> str:
    made = http.post("/api/projects", json={"name": f"Web Shop {next(_numbers)}"})
    assert made.status_code == 201
    return f"/api/projects/{made.json()['project']['id']}"


def new_ticket(http: httpx2.Client, project: str) -> str:
    made = http.post(f"{project}/tickets", json=BODY)
    assert made.status_code == 201
    return f"{project}/tickets/{made.json()['ticket']['id']}"
