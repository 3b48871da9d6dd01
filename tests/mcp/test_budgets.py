"""An answer costs no more than its budget, in either form, and a text that is cut for it says where
it is whole."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_handoff.mcp.answers import LONGEST
from mcp_handoff.mcp.instructions import INSTRUCTIONS
from tests.mcp.agent import Agent
from tests.mcp.budgets import BUDGETS, measure
from tests.mcp.in_memory import open_store, served

TEXT_TO_STRUCTURED = 1.25
"""How many times the bytes of its structured form an answer's text may have."""


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Agent]:
    store = await open_store(tmp_path / "handoff.db")
    async with served(store, tmp_path) as client:
        yield Agent(client)
    await store.close()


async def test_every_answer_is_within_its_budget_in_both_forms(tmp_path: Path) -> None:
    sizes = await measure(tmp_path)
    assert sizes.keys() == {*BUDGETS, "get_ticket"}
    over = {name: sizes[name].structured for name, most in BUDGETS.items() if sizes[name][0] > most}
    assert over == {}
    longer = {
        name: size for name, size in sizes.items() if size.text > TEXT_TO_STRUCTURED * size[0]
    }
    assert longer == {}


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
