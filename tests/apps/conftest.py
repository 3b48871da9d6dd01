"""Chats, and what there is at the desk that they show."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.apps.bundle import host_script
from tests.apps.chat import Chat
from tests.chromium import opened
from tests.databases import empty
from tests.http.served import Served, bearer, make_project, make_token
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET

SHOP = "/api/projects/shop"


class Shop:
    """Project shop, and what a person does there over REST."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def post(self, path: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
        """Return what was made, by the person or by whoever has the token."""
        headers = bearer(token) if token else {}
        answer = self.served.http.post(f"{SHOP}{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def file_ticket(self, **fields: Any) -> str:
        """Return a new ticket's reference."""
        body = {**TICKET, "priority": "medium", "blocking": False, **fields}
        return self.post("/tickets", body)["ticket"]["reference"]

    def suggest(self, ticket: str, **fields: Any) -> str:
        """Return the id of a new suggestion to close a ticket."""
        body = {"ticket_id": ticket, "evidence": {"pr": 7}, **fields}
        return self.post("/ai-suggestions", body)["suggestion"]["id"]

    def read_suggestion(self, suggestion: str) -> dict[str, Any]:
        listed = self.served.http.get(f"{SHOP}/ai-suggestions", params={"status": "any"}).json()
        return next(one for one in listed["suggestions"] if one["id"] == suggestion)


@pytest.fixture(scope="session")
def script(kept_packages: Path) -> str:
    """What makes a page a chat that shows apps."""
    return host_script(kept_packages)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A desk that asks for tokens, which a file's tests share; its client is the person mia's."""
    store = tmp_path_factory.mktemp("apps") / "handoff.db"
    token = make_token(store, "mia", "user")
    with Served(store, token=token, HANDOFF_PROJECT="shop") as running:
        yield running


@pytest.fixture(scope="module")
def agents_token(served: Served) -> str:
    """The token of the bot claude."""
    return make_token(served.store, "claude", "bot")


@pytest.fixture
def shop(served: Served) -> Shop:
    """An empty project."""
    empty(served.store)
    make_project(served.store, "shop")
    return Shop(served)


@pytest.fixture
def chat(shop: Shop, agents_token: str, chromium: Browser, script: str) -> Iterator[Chat]:
    """The chat of somebody whose agent is claude."""
    expect.set_options(timeout=1000 * TIMEOUT)
    with opened(chromium, shop.served.url, viewport={"width": 700, "height": 900}) as page:
        page.set_default_timeout(1000 * TIMEOUT)
        yield Chat(shop.served, page, script, agents_token)
