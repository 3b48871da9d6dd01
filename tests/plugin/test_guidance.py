"""What agents are told of the desk: one text in the form of each client, and true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from guidance.__main__ import SOURCE, forms
from mcp_handoff.mcp.tools import TOOLS
from tests.mcp.agent import Agent
from tests.mcp.conftest import over_stdio

TEXT = SOURCE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^    (.+)$", TEXT, re.MULTILINE)
MOST_BYTES = 4_000


@pytest.mark.parametrize("file", forms(), ids=lambda file: file.name)
def test_each_form_is_the_one_text(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == forms()[file], "make guidance writes it anew"


def test_it_names_nothing_that_there_is_not() -> None:
    schemas = [tool.listed()["inputSchema"]["properties"] for tool in TOOLS]
    parameters = {name for schema in schemas for name in schema}
    named = set(re.findall(r"\b[a-z]+_[a-z_]+\b", TEXT)) - {"message_id", "test_cart"}
    assert named <= {tool.name for tool in TOOLS} | parameters


def test_it_costs_a_model_little() -> None:
    assert len(TEXT.encode()) < MOST_BYTES


async def test_its_calls_are_a_whole_story(store: Path) -> None:
    """Each succeeds, in its order; what an earlier one answered stands in angle brackets."""
    answered: dict[str, Any] = {}
    async with Client(over_stdio(store)) as client:
        desk = Agent(client)
        for example in EXAMPLES:
            tool, _, arguments = example.partition(" ")
            for name, value in answered.items():
                arguments = arguments.replace(f"<{name}>", str(value))
            answered |= await desk.call(tool, **json.loads(arguments))
        closed = await desk.whole("HO-1-shop")
    assert closed["ticket"]["status"] == "closed"
