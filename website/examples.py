"""One story at a throw-away desk, in which every tool is called; its real calls and answers."""

import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from mcp_handoff.actors import Caller, bot
from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk
from mcp_handoff.events import ListEvents, ProjectEvent
from mcp_handoff.mcp.results import ToolResult
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.receivers import receiver_of
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend

SETTINGS: Mapping[str, str] = {
    "HANDOFF_PROJECT": "shop",
    "BUILD_DISPATCH_URL": "https://builder.example/hook",
}


class Example(NamedTuple):
    """A call of a tool, and what it answered."""

    arguments: Mapping[str, Any]
    answer: ToolResult


class Story(NamedTuple):
    """The calls by their tool, one that was refused, and the history that they left."""

    examples: Mapping[str, Example]
    refusal: Example
    events: list[ProjectEvent]


@lru_cache(maxsize=1)
def tell_story() -> Story:
    """Play the story on a store of its own and return it. Raises AssertionError where a call
    fails, for then it is no example."""
    return anyio.run(_play)


async def _play() -> Story:
    with tempfile.TemporaryDirectory(prefix="mcp-handoff-docs-") as folder:
        settings = read_settings(SETTINGS, Path(folder))
        receiver = receiver_of(SETTINGS["BUILD_DISPATCH_URL"], None)
        store = StoreBackend(SqliteDatabase.open(Path(folder) / "handoff.db"), receiver)
        try:
            await store.claim_receiver()
            participants = _Participants(Toolbox(Desk(store, settings), settings))
            refusal = await _work(participants)
            caller = Caller(bot("docs"), project="shop")
            page = await store.list_events(caller, ListEvents(limit=200))
            return Story(participants.examples, refusal, page.events)
        finally:
            await store.close()


class _Participants:
    """Agents at one desk, and the first call of each tool that they make."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.examples: dict[str, Example] = {}
        self._toolbox = toolbox

    async def call(self, who: str, tool: str, **arguments: Any) -> Mapping[str, Any]:
        """Return the structured answer of a call that succeeds."""
        answer = await self._answer(who, tool, arguments)
        assert not answer.is_error, answer.text
        self.examples.setdefault(tool, Example(arguments, answer))
        return answer.structured

    async def refusal(self, who: str, tool: str, **arguments: Any) -> Example:
        """Return a call that is refused."""
        answer = await self._answer(who, tool, arguments)
        assert answer.is_error, answer.text
        return Example(arguments, answer)

    async def _answer(self, who: str, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        return await self._toolbox.call(tool, arguments, self._toolbox.visitor(who, None))


async def _work(desk: _Participants) -> Example:
    """File a ticket, work on it, build it and close it by a proposal; return the call of somebody
    who comes too late."""
    call = desk.call
    await call(
        "shop-agent",
        "create_ticket",
        title="Checkout fails from the 100th item on",
        description="POST /checkout answers 500 from the 100th item on; 99 items work.",
        request_type="bug",
        roles=["backend", "qa"],
        priority="high",
        evidence={"status": 500, "file": "cart/limits.py", "line": 41},
    )
    await call("backend-agent", "get_overview", role="backend")
    await call("backend-agent", "find_tickets", query="checkout")
    await call("backend-agent", "take_ticket", role="backend")
    question = {"body": "How many items may a cart hold?", "to_role": "qa"}
    await call("backend-agent", "add_message", ticket=1, **question)
    done = {"role": "backend", "role_status": "done", "fence": 1}
    note = "The limit is 1,000 now, in cart/limits.py; 412 tests pass."
    await call("backend-agent", "update_ticket", ticket=1, **done, note=note)
    started = await call("ci", "trigger_bot_build", ticket=1, repo="acme/shop")
    build = {"build_id": started["build_id"]}
    watched = {"url": "https://ci.example/7"}
    await call("ci", "report_build", **build, status="running", **watched)
    await call("ci", "find_builds", ticket=1)
    await call("ci", "update_build", **build, display_name="Checkout with 1,000 items")
    merge = {"merge_sha": "9f2c1e7ab4d0", "pr_number": 77, "repo": "acme/shop"}
    evidence = {"pull_request": "acme/shop#77", "tests": "412 passed"}
    suggest = {"ticket": 1, "evidence": evidence, "confidence": 0.9, **merge}
    suggested = await call("backend-agent", "suggest_close", **suggest)
    await call("shop-agent", "list_suggestions", status="pending")
    await call("shop-agent", "get_ticket", ticket="HO-1-shop")
    proposal = {"suggestion_id": suggested["suggestion_id"]}
    await call("shop-agent", "act_on_suggestion", **proposal, action="execute")
    return await desk.refusal("backend-agent", "act_on_suggestion", **proposal, action="execute")
