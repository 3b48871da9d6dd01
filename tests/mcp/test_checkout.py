"""What an agent says of a commit, and what the checkout says that its server runs in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mcp.wire import Wire, call, environment
from tests.repositories import MISSING, Repository
from tests.requests import TICKET

EVIDENCE = {"tests": "all pass"}


@pytest.fixture
def wire(store: Path, shop: Repository) -> Iterator[Wire]:
    """A stdio server that runs in the checkout, with ticket 1 in its store."""
    with Wire(environment(store), directory=shop.path) as server:
        server.ask(call(1, "create_ticket", **TICKET))
        yield server


def told(answer: dict[str, Any]) -> dict[str, Any]:
    return answer["result"]["structuredContent"]


def suggest(wire: Wire, number: int, sha: str) -> dict[str, Any]:
    arguments = {"ticket": 1, "evidence": EVIDENCE, "merge_sha": sha}
    return told(wire.ask(call(number, "suggest_close", **arguments)))


def execute(wire: Wire, number: int, suggestion: str) -> dict[str, Any]:
    settled = {"suggestion_id": suggestion, "action": "execute"}
    return wire.ask(call(number, "act_on_suggestion", **settled))["result"]


def test_an_agent_that_lies_about_a_commit_closes_nothing(wire: Wire) -> None:
    lie = suggest(wire, 2, MISSING)
    assert lie["proof"].startswith("contradicted by git")
    assert "a machine has seen otherwise" in lie["message"]
    refused = execute(wire, 3, lie["suggestion_id"])
    assert refused["isError"]
    assert "EVIDENCE_CONTRADICTED" in refused["content"][0]["text"]
    assert "Nothing was closed" in refused["content"][0]["text"]
    assert told(wire.ask(call(4, "get_ticket", ticket=1)))["stage"] == "backlog"


def test_what_git_has_seen_is_what_the_close_rests_on(wire: Wire, shop: Repository) -> None:
    made = suggest(wire, 2, shop.commit("Lift the limit"))
    assert made["proof"].startswith("proven by git")
    closed = execute(wire, 3, made["suggestion_id"])["structuredContent"]
    assert closed["proof"].startswith("proven by git")
    assert closed["stage"] == "live"


def test_git_is_asked_again_when_a_suggestion_is_executed(wire: Wire, shop: Repository) -> None:
    work = shop.commit_on("cart", "Lift the limit")
    made = suggest(wire, 2, work)
    assert made["proof"].startswith("contradicted by git")
    shop.merge("cart")
    assert execute(wire, 3, made["suggestion_id"])["structuredContent"]["proof"].startswith(
        "proven by git"
    )
