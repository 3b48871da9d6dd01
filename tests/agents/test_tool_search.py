"""Clients that search among their tools find ours by what people say."""

from mcp_handoff.mcp.tools import TOOLS
from tests.agents.bm25 import ranked
from tests.agents.intents import INTENTS

FOUND = 0.9


def test_plain_bm25_puts_the_right_tool_first_for_what_people_say() -> None:
    documents = {tool.name: f"{tool.name} {tool.title} {tool.description}" for tool in TOOLS}
    asked = [(intent, tool) for tool, intents in INTENTS.items() for intent in intents]
    firsts = {intent: ranked(intent, documents)[0] for intent, _ in asked}
    missed = [f"{intent!r}: {firsts[intent]}" for intent, tool in asked if firsts[intent] != tool]
    assert len(asked) == 84
    assert len(missed) <= (1 - FOUND) * len(asked), "\n".join([f"{len(missed)} missed:", *missed])
