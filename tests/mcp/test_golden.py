"""What a model reads of each tool, to the letter: its definition, and its answers in one story.

Every change of it shows in the files of `golden/`. HANDOFF_WRITE_GOLDEN=1 writes them anew.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from difflib import unified_diff
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.mcp.instructions import INSTRUCTIONS
from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.store.store_backend import StoreBackend
from tests.mcp import golden_story
from tests.mcp.agent import Agent
from tests.mcp.in_memory import DISPATCHED, open_store, served

GOLDEN = Path(__file__).parent / "golden"
WRITES = "HANDOFF_WRITE_GOLDEN"
WRITING = WRITES in os.environ  # read before the tests leave the environment behind


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoreBackend]:
    opened = await open_store(tmp_path / "handoff.db")
    yield opened
    await opened.close()


def test_each_tool_is_defined_as_it_was() -> None:
    told = {f"{tool.name}.json": json.dumps(tool.listed(), indent=1) for tool in TOOLS}
    _assert_golden({**told, "instructions.txt": INSTRUCTIONS})


async def test_each_tool_answers_as_it_did(
    store: StoreBackend, caller: Caller, tmp_path: Path
) -> None:
    async with served(store, tmp_path, **DISPATCHED) as client:
        told = await golden_story.live(Agent(client), store, caller)
    assert told.keys() == {tool.name for tool in TOOLS}
    _assert_golden({f"{tool}.txt": "\n\n".join(answers) for tool, answers in told.items()})


def test_there_is_no_golden_file_of_what_there_is_not() -> None:
    kept = {path.name for path in GOLDEN.iterdir()}
    tools = {f"{tool.name}.{kind}" for tool in TOOLS for kind in ("json", "txt")}
    assert kept == {*tools, "instructions.txt"}


def _assert_golden(told: dict[str, str]) -> None:
    """Assert that each file says this, or make it so where that is asked for."""
    if WRITING:
        GOLDEN.mkdir(exist_ok=True)
        for name, now in told.items():
            (GOLDEN / name).write_text(f"{now.rstrip()}\n", encoding="utf-8")
    changes = [line for name, now in told.items() for line in _changes(name, f"{now.rstrip()}\n")]
    if changes:
        shown = "\n".join(changes)
        pytest.fail(
            f"What a model reads has changed. Is it better? Then {WRITES}=1 python -m pytest -n0"
            f" tests/mcp/test_golden.py writes it, and the commit shows it.\n{shown}",
            pytrace=False,
        )


def _changes(name: str, now: str) -> Iterator[str]:
    path = GOLDEN / name
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    return unified_diff(before.splitlines(), now.splitlines(), f"golden/{name}", "now", lineterm="")
