"""What each answer may cost whoever reads it, and what it costs, in bytes of compact JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mcp_types import CallToolResult

from mcp_handoff.store.transaction import Transaction
from mcp_handoff.workflow import STAGES
from tests.mcp.agent import Agent, text
from tests.mcp.in_memory import DISPATCHED, open_store, served

WITHOUT_TEXTS = "get_ticket, without its texts"

SIMILAR = "create_ticket, three similar"

BUDGETS: Mapping[str, int] = {
    "create_ticket": 400,
    SIMILAR: 750,
    "suggest_close": 400,
    "act_on_suggestion": 400,
    "update_build": 400,
    "report_build": 400,
    "trigger_bot_build": 500,
    "find_tickets, 20": 4_500,
    "find_tickets, 100": 21_000,
    WITHOUT_TEXTS: 1_500,
}

TITLES = (
    "Checkout answers 500 from the 100th item on",
    "Coupon codes in lower case are refused at the till",
    "Which of the two address forms is the one we keep?",
    "Product pages jump while pictures load on small screens",
    "Add the order number to the subject of confirmation mails",
    "Nightly export stops without a word when a price is missing",
    "The search box forgets all its filters after going back one page in the browser",
)
PRIORITIES = ("low", "medium", "high")
KINDS = ("bug", "feature_request", "bug", "decision_needed")
SHA = "9f2c1e7ab4d05c3e8f1a6b7290d4e5c1f3a8b6d7"
TEXTS_OF_A_TICKET = (
    "title",
    "description",
    "evidence",
    "suggested_resolution",
    "implementation_notes",
    "ai_output",
    "resolution_note",
)
TEXTS_OF_A_ROW = {"suggestions": ("evidence", "reason"), "builds": ("name", "description", "error")}


UNLIKE_ANY = {
    "title": "Sitemap lacks every page since October, says the webmaster",
    "description": "Robots read an old one.",
    "request_type": "bug",
    "roles": ["backend", "devops"],
}


class Size(NamedTuple):
    """The bytes of an answer's two forms."""

    structured: int
    text: int


async def measure(folder: Path) -> Mapping[str, Size]:
    """Return what each answer with a budget costs at a desk that is well used, and get_ticket
    whole."""
    store = await open_store(folder / "handoff.db")
    async with served(store, folder, **DISPATCHED) as client:
        desk = Agent(client)
        await desk.file_ticket()
        await store.database.write(lambda tx: tx.execute("UPDATE projects SET last_number = 1134"))
        sizes = await _measure_one(desk)
        for number in range(1, 101):
            await desk.file_ticket(**_ticket(number))
        await store.database.write(_spread_over_stages)
        for limit in (20, 100):
            sizes[f"find_tickets, {limit}"] = await _size(desk, "find_tickets", limit=limit)
        sizes[SIMILAR] = await _size(desk, "create_ticket", **_ticket(102))
    await store.close()
    return sizes


async def _measure_one(desk: Agent) -> dict[str, Size]:
    """Return what is told of HO-1135-shop, which has five suggestions and builds."""
    build, suggestion = await _with_everything(desk)
    about = {"ticket": "HO-1135-shop"}
    whole = _content(await desk.client.call_tool("get_ticket", about))
    return {
        WITHOUT_TEXTS: Size(_bytes(_without_texts(whole)), 0),
        "get_ticket": await _size(desk, "get_ticket", **about),
        "create_ticket": await _size(desk, "create_ticket", **UNLIKE_ANY),
        "suggest_close": await _size(
            desk, "suggest_close", **about, evidence={"pr": 78}, merge_sha=SHA[::-1]
        ),
        "update_build": await _size(desk, "update_build", build_id=build, is_active=False),
        "report_build": await _size(
            desk, "report_build", build_id=build, status="running", url="https://ci.example/88"
        ),
        "trigger_bot_build": await _size(desk, "trigger_bot_build", **about, repo="acme/shop"),
        "act_on_suggestion": await _size(
            desk, "act_on_suggestion", suggestion_id=suggestion, action="execute"
        ),
    }


def _without_texts(answer: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in answer.items() if name not in TEXTS_OF_A_TICKET}
    for rows, texts in TEXTS_OF_A_ROW.items():
        kept[rows] = [{n: v for n, v in row.items() if n not in texts} for row in answer[rows]]
    return kept


def _ticket(number: int) -> dict[str, Any]:
    """Return the arguments of a ticket as projects have them."""
    return {
        "title": TITLES[number % len(TITLES)],
        "description": f"Seen {number + 1} times since the release of this morning.",
        "request_type": KINDS[number % len(KINDS)],
        "roles": [("frontend", "backend", "design")[number % 3], "qa"],
        "priority": PRIORITIES[number % len(PRIORITIES)],
        "blocking": number % 9 == 0,
    }


def _spread_over_stages(tx: Transaction) -> None:
    for remainder, stage in enumerate(STAGES[:-1]):
        tx.execute(f"UPDATE tickets SET stage = '{stage}' WHERE number % 4 = {remainder}")


async def _with_everything(desk: Agent) -> tuple[str, str]:
    """Make HO-1135-shop a ticket with five suggestions and builds; return the newest of each."""
    ticket = await desk.file_ticket(**_ticket(0), evidence={"trace": "req-31"})
    build, suggestion = None, ""
    for number in range(5):
        given_up = {"replaces": build} if build else {}
        build = await desk.trigger(ticket, provider="claude-code", repo="acme/shop", **given_up)
        suggestion = await desk.suggest(
            ticket,
            evidence={"pull_request": f"https://github.com/acme/shop/pull/{number}"},
            confidence=0.85,
            merge_sha=f"{number}{SHA[1:]}",
            pr_number=70 + number,
            repo="acme/shop",
        )
    assert build
    await desk.act(suggestion, "decline", reason="The checks of that commit did not run.")
    return build, await desk.suggest(
        ticket, evidence={"pr": 77}, confidence=0.95, merge_sha=SHA, pr_number=77, repo="acme/shop"
    )


async def _size(desk: Agent, tool: str, **arguments: Any) -> Size:
    result = await desk.client.call_tool(tool, arguments)
    return Size(_bytes(_content(result)), len(text(result).encode()))


def _content(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text(result)
    assert result.structured_content is not None
    return result.structured_content


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
