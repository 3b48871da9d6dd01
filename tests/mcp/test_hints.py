"""What an answer proposes to do next can be done, by whoever reads it."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.projects import CreateProject
from mcp_handoff.store.store_backend import StoreBackend
from tests.mcp.agent import Agent
from tests.mcp.in_memory import DISPATCHED, open_store, served
from tests.requests import TICKET

_HINT = re.compile(r"Next[^:]*: (\w+) with ([^.,;]+)")
_OWN_WORDS: dict[str, dict[str, Any]] = {
    "suggest_close": {"evidence": {"pr": 9}},
    "act_on_suggestion": {"action": "decline", "reason": "It was reverted."},
}
"""What only the reader of a hint can know."""


@pytest.fixture
async def store(tmp_path: Path, caller: Caller) -> AsyncIterator[StoreBackend]:
    """A store with a project beside the server's own."""
    opened = await open_store(tmp_path / "handoff.db")
    await opened.create_project(caller, CreateProject(name="Mobile app", slug="mobile"))
    yield opened
    await opened.close()


@pytest.mark.parametrize("project", ["shop", "mobile"])
async def test_each_hint_can_be_followed_whatever_project_it_is_about(
    store: StoreBackend, tmp_path: Path, project: str
) -> None:
    async with served(store, tmp_path, **DISPATCHED) as client:
        desk, followed = Agent(client), list[str]()
        told = await desk.call("create_ticket", **TICKET, project=project)
        about = {"ticket": told["ticket"]}
        messages = [
            told["message"],
            (await desk.call("trigger_bot_build", **about))["message"],
            (await desk.call("trigger_bot_build", **about))["message"],
            (await desk.call("suggest_close", **about, evidence={"pr": 7}))["message"],
            (await desk.call("suggest_close", **about, evidence={"pr": 8}, pr_number=8))["message"],
            (await desk.call("get_ticket", **about))["message"],
        ]
        for tool, arguments in (hint for message in set(messages) for hint in _hints(message)):
            result = await desk.client.call_tool(tool, {**arguments, **_OWN_WORDS.get(tool, {})})
            already = "SUGGESTION_NOT_PENDING" in result.model_dump_json()  # by a hint before
            assert not result.is_error or already, (tool, arguments)
            followed.append(tool)
    assert {*followed} == {"trigger_bot_build", "find_builds", "act_on_suggestion"}


async def test_a_ticket_that_only_waits_for_its_merge_proposes_to_tell_of_it(
    store: StoreBackend, tmp_path: Path
) -> None:
    async with served(store, tmp_path) as client:
        desk = Agent(client)
        ticket = await desk.file_ticket()
        await store.database.write(
            lambda tx: tx.execute(
                "UPDATE ticket_roles SET status = 'done', waits = 0 WHERE role = 'backend'"
            )
        )
        read = await desk.call("get_ticket", ticket=ticket)
        assert "only for merged" in read["message"]
        [(tool, arguments)] = _hints(read["message"])
        await desk.call(tool, **{**arguments, **_OWN_WORDS[tool]})


async def test_a_build_that_nobody_makes_is_not_proposed(
    store: StoreBackend, tmp_path: Path
) -> None:
    async with served(store, tmp_path) as client:
        told = await Agent(client).call("create_ticket", **TICKET)
    assert [*_hints(told["message"])] == []


def _hints(message: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each call that a message proposes, with the arguments that it names."""
    for tool, named in _HINT.findall(message):
        pairs = [part.split(" ", 1) for part in named.split(" and ")]
        yield tool, {name: value for name, value in pairs if " " not in value}
