"""A kept result is its credential's: no name, no key and no lost right gives it to another."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mcp_handoff.tokens import RevokeToken
from tests.databases import address, in_store
from tests.http.served import OPERATOR, Served, bearer, make_project, make_token, soon
from tests.requests import TICKET
from tests.security.conftest import at_desk

pytestmark = pytest.mark.proof

_numbers = count(1)


@pytest.fixture(scope="module")
def served(shared_store: str) -> Iterator[Served]:
    for slug in ("secret", "shop"):
        make_project(shared_store, slug)
    make_token(shared_store, "operator", "admin")
    with Served(Path(shared_store), HANDOFF_BACKEND=address(shared_store)) as running:
        yield running


@pytest.fixture
def names() -> tuple[str, str]:
    """Two names that no other test's tokens have."""
    number = next(_numbers)
    return f"alice {number}", f"bob {number}"


def ticket(title: str, project: str, key: str, **more: Any) -> dict[str, Any]:
    return {**TICKET, "title": title, "project": project, "idempotency_key": key, **more}


async def test_a_token_made_anew_under_the_same_name_gets_nothing_of_the_old_one(
    served: Served, shared_store: str, door: str, names: tuple[str, str]
) -> None:
    name, asked = names[0], ticket("Of the secret project", "secret", "key-1")
    async with at_desk(served, door, make_token(shared_store, name, "bot")) as desk:
        kept = await desk.file_ticket(**asked)
    in_store(shared_store, lambda store: store.revoke_token(OPERATOR, RevokeToken(token=name)))
    new = make_token(shared_store, name, "bot", "shop")
    async with at_desk(served, door, new) as desk:
        assert (await desk.refusal("create_ticket", asked))["code"] == "FORBIDDEN"
        own = await desk.file_ticket(**{**asked, "project": "shop"})
    assert own != kept


async def test_a_right_that_was_lost_is_lost_for_kept_results_too(
    served: Served, shared_store: str, door: str, names: tuple[str, str]
) -> None:
    asked = ticket("Seen once", "secret", "key-2")
    token = make_token(shared_store, names[0], "user")
    async with at_desk(served, door, token) as desk:
        about = {"project": "secret", "ticket": await desk.file_ticket(**asked)}
        of_ticket = {
            "trigger_bot_build": {**about, "idempotency_key": "key-3"},
            "suggest_close": {**about, "evidence": {"pr": 7}, "idempotency_key": "key-4"},
        }
        for tool, arguments in of_ticket.items():
            await desk.call(tool, **arguments)
        of_ticket["act_on_suggestion"] = {
            "suggestion_id": await desk.suggest(**about, evidence={"pr": 8}),
            "action": "decline",
            "reason": "no",
            "project": "secret",
            "idempotency_key": "key-5",
        }
        await desk.call("act_on_suggestion", **of_ticket["act_on_suggestion"])
        limit = "UPDATE tokens SET projects = '[\"shop\"]' WHERE name = :name"
        in_store(
            shared_store,
            lambda store: store.database.write(lambda tx: tx.execute(limit, name=names[0])),
        )
        headers = bearer(token)
        assert soon(
            lambda: bool(served.http.get("/api/me", headers=headers).json().get("projects"))
        )
        assert (await desk.refusal("create_ticket", asked))["code"] == "FORBIDDEN"
        for tool, arguments in of_ticket.items():
            assert (await desk.refusal(tool, arguments))["code"] == "NOT_FOUND"


async def test_who_claims_anothers_name_neither_gets_nor_uses_up_its_keys(
    served: Served, shared_store: str, door: str, names: tuple[str, str]
) -> None:
    alice, bob = (make_token(shared_store, name, "user") for name in names)
    claim = {"actor_id": names[0]} if door == "rest" else {}
    async with at_desk(served, door, alice) as hers, at_desk(served, door, bob, names[0]) as his:
        claimed = await his.file_ticket(**ticket("By bob", "shop", "key-5", **claim))
        asked = ticket("By alice", "shop", "key-5")
        own = await hers.file_ticket(**asked)
        stolen = await his.file_ticket(**ticket("By alice", "shop", "key-6", **claim))
        assert len({claimed, own, stolen}) == 3
        assert await hers.file_ticket(**asked) == own
