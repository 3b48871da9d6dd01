"""The demo: a ticket's whole story, told by a real client to a real server over stdio."""

import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import TextContent

_SHA = "9f2c1e7ab4d0"


async def tell_story() -> None:
    """Run the server on a throw-away store and play through a ticket's life."""
    with tempfile.TemporaryDirectory(prefix="mcp-handoff-demo-") as folder:
        print(_heading("mcp-handoff demo: one ticket, from filed to closed"))
        print(f"server    {sys.executable} -m mcp_handoff, over stdio")
        print("store     a throw-away SQLite file\n")
        async with Client(_server(Path(folder) / "demo.db")) as client:
            await _Story(client).play()


class _Story:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def play(self) -> None:
        await self._file()
        build = await self._build()
        await self._update(build)
        await self._close()
        await self._show_board()

    async def _file(self) -> None:
        self._say("An agent finds a fault and hands it to the backend team.")
        ticket = {
            "title": "Checkout fails when the cart holds 100 items",
            "description": "POST /checkout answers 500 from the 100th item on; 99 items work.",
            "request_type": "bug",
            "roles": ["backend"],
            "priority": "high",
            "evidence": {"status": 500, "file": "cart/limits.py", "line": 41},
        }
        await self._call("create_ticket", ticket)
        self._say("It loses the answer and tries again: there is still one ticket.")
        await self._call("create_ticket", ticket)
        self._say("A ticket for nobody is refused, and the answer says what is missing.")
        await self._call("create_ticket", {**ticket, "title": "Oops", "roles": []})

    async def _build(self) -> str:
        self._say("A bot is set to work on it.")
        arguments = {"ticket": 1, "provider": "docker", "repo": "acme/shop"}
        triggered = await self._call("trigger_bot_build", arguments)
        return triggered["build_id"]

    async def _update(self, build: str) -> None:
        self._say("The CI bot says what it built.")
        await self._call(
            "update_build",
            {"build_id": build, "description": "Lifts the cart limit", "metadata": {"pr": 77}},
        )

    async def _close(self) -> None:
        self._say("Once merged, the bot proposes to close the ticket, with evidence.")
        evidence = {"pull_request": 77, "tests": "412 passed"}
        suggested = await self._call(
            "suggest_close",
            {"ticket": 1, "evidence": evidence, "merge_sha": _SHA, "confidence": 0.95},
        )
        self._say("A reviewer's agent checks that and carries it out.")
        action = {"suggestion_id": suggested["suggestion_id"], "action": "execute"}
        await self._call("act_on_suggestion", action)
        self._say("Whoever comes second is told so.")
        await self._call("act_on_suggestion", action)

    async def _show_board(self) -> None:
        self._say("What the board shows in the end.")
        await self._call("find_tickets", {"status": "any"})

    def _say(self, sentence: str) -> None:
        print(_styled("1", sentence))

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        values = {
            name: textwrap.shorten(repr(value), 60, placeholder=" …'")
            for name, value in arguments.items()
        }
        shown = ", ".join(f"{name}={value}" for name, value in values.items())
        print(_folded(f"{tool}({shown})", mark=_styled("36", "→ ")))
        result = await self._client.call_tool(tool, dict(arguments))
        colour = "31" if result.is_error else "32"
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        print(_folded(text, mark=_styled(colour, "← ")) + "\n")
        return result.structured_content or {}


def _server(store: Path) -> StdioServerParameters:
    environment = {
        **os.environ,
        "HANDOFF_BACKEND": f"sqlite:///{store}",
        "HANDOFF_PROJECT": "shop",
        "HANDOFF_READ_ONLY": "",
        "HANDOFF_ACTOR_ID": "demo-agent",
        "BUILD_DISPATCH_URL": "",
    }
    return StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_handoff"], env=environment
    )


def _folded(text: str, *, mark: str) -> str:
    width = max(40, shutil.get_terminal_size((100, 24)).columns - 4)
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, width)]
    return f"  {mark}" + "\n    ".join(lines)


def _heading(text: str) -> str:
    return _styled("1;4", text)


def _styled(style: str, text: str) -> str:
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\x1b[{style}m{text}\x1b[0m"
