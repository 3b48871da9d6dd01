"""The page of the tools: their arguments, and a call of each with its real answer."""

from collections.abc import Iterator
from typing import Any

from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.mcp.tools.tool import Tool
from website.examples import tell_story
from website.pages import code, folded, put_together, shown, table
from website.schemas import rows_of

_BEGIN = """\
# Tools

An agent sees these tools. Every call acts as a bot. Every answer comes twice, as text and as
structured content, and both say the same. The calls below were made, and answered, when this page
was built.
"""


def page() -> str:
    """Return the page."""
    return put_together([_BEGIN, *(part for tool in TOOLS for part in _told(tool))])


def _told(tool: Tool[Any, Any, Any]) -> Iterator[str]:
    listed = tool.listed()
    schema = listed["inputSchema"]
    arguments, answer = tell_story().examples[tool.name]
    yield f"## {tool.name}"
    yield listed["description"]
    yield _effects(tool)
    yield table(("argument", "type", "required", "what holds"), rows_of(schema))
    yield code(shown(arguments), "json", f"a call of {tool.name}")
    yield code(answer.text, "text", "its answer, as text")
    yield folded("The answer as structured content", code(shown(answer.structured), "json"))
    yield folded("The definition as a client reads it", code(shown(listed), "json"))


def _effects(tool: Tool[Any, Any, Any]) -> str:
    if tool.reads:
        return "It only reads."
    told = ["It may undo or end something" if tool.destructive else "It only adds"]
    if tool.idempotent:
        told.append("the same call again changes nothing")
    if tool.open_world:
        told.append("it reaches systems beyond the desk")
    return f"{'; '.join(told)}."
