"""History tells which credential was shown, whatever its holder says that it is."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.databases import address
from tests.http.served import Served, command, make_project, make_token
from tests.mcp.agent import Agent
from tests.security.conftest import at_desk

pytestmark = pytest.mark.proof

_numbers = count(1)


@pytest.fixture(scope="module")
def served(shared_store: str) -> Iterator[Served]:
    make_project(shared_store, "shop")
    root = make_token(shared_store, "root", "admin")
    with Served(Path(shared_store), token=root, HANDOFF_BACKEND=address(shared_store)) as running:
        yield running


@pytest.fixture
def names() -> tuple[str, str]:
    """Two names that no other test's tokens have."""
    number = next(_numbers)
    return f"alice {number}", f"bob {number}"


async def test_who_acts_under_anothers_name_is_known_by_the_token(
    served: Served, shared_store: str, names: tuple[str, str]
) -> None:
    alice, bob = names
    hers, his = (make_token(shared_store, name, "user") for name in names)
    async with at_desk(served, "rest", his) as desk:
        forged = await desk.file_ticket(actor_id=alice, source=f"with token {alice}")
        about = {"project": "shop", "ticket": forged}
        await desk.call("trigger_bot_build", **about)
        await desk.call("suggest_close", **about, evidence={"pr": 7})
        read = await desk.call("get_ticket", **about)
    told = [
        read["ticket"],
        *read["events"],
        *read["suggestions"],
        *read["builds"],
        read["ticket"]["ai_output"]["build_run"],
    ]
    assert [row["principal_name"] for row in told] == [bob] * 7
    assert len({row["principal_id"] for row in told}) == 1
    [row] = served.http.get("/api/projects/shop/tickets", params={"limit": 1}).json()["tickets"]
    [slim] = served.http.get("/api/projects/shop/tickets", params={"limit": 1, "slim": "1"}).json()[
        "tickets"
    ]
    assert [row["actor_id"], slim["actor_id"]] == [alice, alice]
    assert [row["principal_name"], slim["principal_name"]] == [bob, bob]
    async with at_desk(served, "mcp", hers) as desk:
        assert isinstance(desk, Agent)
        events = (await desk.call("get_ticket", **about))["events"]
    authors = {done.split()[-1]: row["by"] for row in events for done in row["did"]}
    assert authors["ticket.created"] == f"{alice} (user), with token {bob}"
    assert authors["build.triggered"] == f"{bob} (user)"


def test_a_tokens_making_and_its_end_are_told_with_who_did_it(
    served: Served, shared_store: str, names: tuple[str, str]
) -> None:
    alice, _ = names
    settings = {"HANDOFF_BACKEND": address(shared_store), "HANDOFF_ACTOR_ID": "boss"}
    unused = Path("unused.db")
    assert command(unused, "token", "create", alice, "--role", "bot", **settings).returncode == 0
    assert served.http.delete(f"/api/tokens/{alice}").status_code == 200
    listed = served.http.get("/api/tokens").json()["tokens"]
    [events] = [token["events"] for token in listed if token["name"] == alice]
    root = next(token["id"] for token in listed if token["name"] == "root")
    assert [(event["kind"], event["actor_id"], event["principal_id"]) for event in events] == [
        ("token.created", "boss", "local"),
        ("token.revoked", "root", root),
    ]
    shown = command(unused, "token", "list", **settings).stdout
    assert "created by boss (user), without a token  revoked by root (user)\n" in shown
    assert "mho_" not in shown
