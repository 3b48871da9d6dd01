"""What an answer costs whoever reads it, in bytes of compact JSON."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp_types import CallToolResult

from mcp_handoff.mcp.answers import LONGEST
from mcp_handoff.mcp.instructions import INSTRUCTIONS
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.tickets import STAGES
from tests.mcp.agent import Agent, text
from tests.mcp.in_memory import DISPATCHED, open_store, served

BUDGETS = {
    "create_ticket": 400,
    "suggest_close": 400,
    "act_on_suggestion": 400,
    "update_build": 400,
    "trigger_bot_build": 500,
}
PAGE_OF_20, PAGE_OF_100, TICKET_WITHOUT_TEXTS = 4_500, 21_000, 1_500
TEXT_TO_STRUCTURED = 1.25

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


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoreBackend]:
    opened = await open_store(tmp_path / "handoff.db")
    yield opened
    await opened.close()


@pytest.fixture
async def desk(store: StoreBackend, tmp_path: Path) -> AsyncIterator[Agent]:
    """A desk in whose project shop the next ticket is HO-1135-shop."""
    async with served(store, tmp_path, **DISPATCHED) as client:
        agent = Agent(client)
        await agent.file_ticket()
        await store.database.write(lambda tx: tx.execute("UPDATE projects SET last_number = 1134"))
        yield agent


async def test_what_a_write_answers_is_a_receipt(desk: Agent) -> None:
    build, suggestion = await _with_everything(desk)
    calls: dict[str, dict[str, Any]] = {
        "create_ticket": _ticket(3),
        "suggest_close": {"ticket": 1135, "evidence": {"pr": 78}, "merge_sha": SHA[::-1]},
        "update_build": {"build_id": build, "is_active": False},
        "trigger_bot_build": {"ticket": "HO-1135-shop", "repo": "acme/shop"},
        "act_on_suggestion": {"suggestion_id": suggestion, "action": "execute"},
    }
    assert calls.keys() == BUDGETS.keys()
    sizes = {tool: await _sizes(desk, tool, **arguments) for tool, arguments in calls.items()}
    assert [
        f"{tool}: {size} bytes" for tool, (size, _) in sizes.items() if size > BUDGETS[tool]
    ] == []
    _assert_texts_cost_no_more(sizes)


async def test_a_page_of_tickets_fits_however_long_it_is(desk: Agent, store: StoreBackend) -> None:
    for number in range(100):
        await desk.file_ticket(**_ticket(number))
    await store.database.write(_spread_over_stages)
    sizes = {
        f"{limit} tickets": await _sizes(desk, "find_tickets", limit=limit) for limit in (20, 100)
    }
    assert sizes["20 tickets"][0] <= PAGE_OF_20
    assert sizes["100 tickets"][0] <= PAGE_OF_100
    _assert_texts_cost_no_more(sizes)


async def test_a_ticket_with_all_that_belongs_to_it_fits(desk: Agent) -> None:
    await _with_everything(desk)
    result = await desk.client.call_tool("get_ticket", {"ticket": 1135})
    answer: dict[str, Any] = {**_content(result)}
    for name in TEXTS_OF_A_TICKET:
        answer.pop(name, None)
    for rows, names in TEXTS_OF_A_ROW.items():
        answer[rows] = [
            {name: value for name, value in row.items() if name not in names}
            for row in answer[rows]
        ]
    assert _bytes(answer) <= TICKET_WITHOUT_TEXTS
    whole = _bytes(_content(result)), len(text(result).encode())
    _assert_texts_cost_no_more({"get_ticket": whole})


async def test_a_description_is_shown_whole_and_a_longer_text_says_where_it_is(desk: Agent) -> None:
    description, notes = "word " * 999 + "ends.", "note " * 999 + "ends."
    ticket = await desk.file_ticket(
        description=description,
        implementation_notes=notes,
        evidence={"log": notes},
        suggested_resolution="r" * LONGEST,
    )
    read = await desk.call("get_ticket", ticket=ticket)
    assert read["description"] == description
    assert read["suggested_resolution"] == "r" * LONGEST
    assert read["implementation_notes"] == (
        f"{notes[:LONGEST]}… (3,000 more characters: handoff://tickets/{ticket})"
    )
    assert read["evidence"].endswith(f"… (3,010 more characters: handoff://tickets/{ticket})")
    whole = (await desk.whole(ticket))["ticket"]
    assert (whole["implementation_notes"], whole["evidence"]) == (notes, {"log": notes})


async def test_a_suggestions_long_evidence_is_whole_at_its_ticket(desk: Agent) -> None:
    log = "line " * 999
    ticket = await desk.file_ticket()
    await desk.suggest(ticket, evidence={"log": log})
    [row] = (await desk.call("list_suggestions"))["suggestions"]
    assert row["evidence"].endswith(f"more characters: handoff://tickets/{ticket})")
    assert (await desk.whole(ticket))["suggestions"][0]["evidence"] == {"log": log}


def test_the_instructions_are_short_enough_for_clients_that_cut_them() -> None:
    assert len(INSTRUCTIONS.encode()) <= 2_000


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


async def _sizes(desk: Agent, tool: str, **arguments: Any) -> tuple[int, int]:
    result = await desk.client.call_tool(tool, arguments)
    return _bytes(_content(result)), len(text(result).encode())


def _content(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text(result)
    assert result.structured_content is not None
    return result.structured_content


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _assert_texts_cost_no_more(sizes: dict[str, tuple[int, int]]) -> None:
    assert {
        name: f"{told} bytes of text, {structured} of JSON"
        for name, (structured, told) in sizes.items()
        if told > TEXT_TO_STRUCTURED * structured
    } == {}
