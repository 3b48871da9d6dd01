"""A kept result is its credential's: no name, no key and no lost right gives it to another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mcp_handoff.tokens import RevokeToken
from tests.databases import in_store
from tests.http.served import OPERATOR, Served, bearer, make_project, make_token
from tests.requests import TICKET

BODY: dict[str, Any] = {**TICKET, "priority": "high", "blocking": False}
SECRET, SHOP = "/api/projects/secret/tickets", "/api/projects/shop/tickets"


@pytest.fixture(scope="module")
def desk_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("replays") / "handoff.db"
    for slug in ("secret", "shop"):
        make_project(store, slug)
    return store


@pytest.fixture(scope="module")
def served(desk_store: Path) -> Iterator[Served]:
    make_token(desk_store, "operator", "admin")
    with Served(desk_store) as running:
        yield running


def file_ticket(served: Served, path: str, token: str, key: str, **more: Any) -> httpx2.Response:
    headers = bearer(token) | {"Idempotency-Key": key}
    return served.http.post(path, json={**BODY, **more}, headers=headers)


def test_a_token_made_anew_under_the_same_name_gets_nothing_of_the_old_one(
    served: Served, desk_store: Path
) -> None:
    old = make_token(desk_store, "ci-bot", "bot")
    kept = file_ticket(served, SECRET, old, "key-1", title="Of the secret project")
    in_store(desk_store, lambda store: store.revoke_token(OPERATOR, RevokeToken(token="ci-bot")))
    new = make_token(desk_store, "ci-bot", "bot", "shop")
    again = file_ticket(served, SECRET, new, "key-1", title="Of the secret project")
    own = file_ticket(served, SHOP, new, "key-1", title="Of the secret project")
    assert (kept.status_code, again.status_code, own.status_code) == (201, 403, 201)
    assert own.json()["ticket"]["id"] != kept.json()["ticket"]["id"]


def test_a_right_that_was_lost_is_lost_for_kept_results_too(
    served: Served, desk_store: Path
) -> None:
    token = make_token(desk_store, "eve", "user")
    assert file_ticket(served, SECRET, token, "key-2", title="Seen once").status_code == 201
    limited = "UPDATE tokens SET projects = '[\"shop\"]' WHERE name = 'eve'"
    in_store(desk_store, lambda store: store.database.write(lambda tx: tx.execute(limited)))
    refused = file_ticket(served, SECRET, token, "key-2", title="Seen once")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


def test_who_claims_anothers_name_neither_gets_nor_uses_up_its_keys(
    served: Served, desk_store: Path
) -> None:
    alice, bob = (make_token(desk_store, name, "user") for name in ("alice", "bob"))
    claimed = file_ticket(served, SHOP, bob, "key-3", title="By bob", actor_id="alice")
    hers = file_ticket(served, SHOP, alice, "key-3", title="By alice")
    assert (claimed.status_code, hers.status_code) == (201, 201)
    stolen = file_ticket(served, SHOP, bob, "key-4", title="By alice", actor_id="alice")
    assert stolen.json()["ticket"]["id"] != hers.json()["ticket"]["id"]
    assert file_ticket(served, SHOP, alice, "key-3", title="By alice").json() == hers.json()
