"""The demo: a ticket's whole story, told by real clients to real servers over stdio."""

import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import TextContent

_SHA = "9f2c1e7ab4d0"


async def tell_story() -> None:
    """Run a server for each of three who share a throw-away store, and play through a ticket's
    life."""
    with tempfile.TemporaryDirectory(prefix="mcp-handoff-demo-") as folder:
        print(_heading("mcp-handoff demo: one ticket, from filed to live"))
        print("servers   python -m mcp_handoff, over stdio, one for each of the three")
        print("store     one throw-away SQLite file\n")
        store = Path(folder) / "demo.db"
        async with (
            Client(_server(store, "shop-agent")) as shop,
            Client(_server(store, "backend-agent")) as backend,
            Client(_server(store, "ana")) as ana,
        ):
            await _Story(
                _Participant("shop-agent", shop),
                _Participant("backend-agent", backend),
                _Participant("ana", ana),
            ).play()


@dataclass(frozen=True, slots=True)
class _Participant:
    """Somebody at the desk, by its own server."""

    name: str
    client: Client


class _Story:
    """The agent that finds a fault, the one that mends it, and the assistant of a person."""

    def __init__(self, shop: _Participant, backend: _Participant, ana: _Participant) -> None:
        self._shop, self._backend, self._ana = shop, backend, ana

    async def play(self) -> None:
        await self._file()
        await self._take()
        await self._ask()
        await self._finish()
        await self._test()
        await self._close()

    async def _file(self) -> None:
        self._say("An agent finds a fault and hands it to backend, and then to qa.")
        ticket = {
            "title": "Checkout fails when the cart holds 100 items",
            "description": "POST /checkout answers 500 from the 100th item on; 99 items work.",
            "request_type": "bug",
            "roles": ["backend", "qa"],
            "priority": "high",
            "evidence": {"status": 500, "file": "cart/limits.py", "line": 41},
        }
        await self._call(self._shop, "create_ticket", ticket)
        self._say("It loses the answer and tries again: there is still one ticket.")
        await self._call(self._shop, "create_ticket", ticket)

    async def _take(self) -> None:
        self._say("Another agent takes the most urgent work that is ready for backend.")
        await self._call(self._backend, "take_ticket", {"role": "backend"})
        self._say("Nobody else gets it.")
        await self._call(self._shop, "take_ticket", {"role": "backend", "ticket": 1})

    async def _ask(self) -> None:
        self._say("It asks how many items a cart may hold; its take is parked until it knows.")
        question = {"ticket": 1, "body": "How many items may a cart hold?", "to_role": "other"}
        asked = await self._call(self._backend, "add_message", question)
        self._say("Ana has her assistant answer.")
        answer = {"ticket": 1, "body": "Up to 1,000.", "answers": asked["message_id"]}
        await self._call(self._ana, "add_message", answer)

    async def _finish(self) -> None:
        self._say("The work is done, and handed on with a note.")
        done = {"ticket": 1, "role": "backend", "role_status": "done", "fence": 1}
        note = "The limit is 1,000 now, in cart/limits.py; 412 tests pass. Try 1,001 items."
        await self._call(self._backend, "update_ticket", {**done, "note": note})

    async def _test(self) -> None:
        self._say("Ana takes it up for qa. The note is the first that her assistant reads.")
        taken = await self._call(self._ana, "take_ticket", {"role": "qa"})
        print(_folded(str(taken["notes"][0]["note"]), mark="  " + _styled("33", "note ")) + "\n")
        tested = {"ticket": 1, "role": "qa", "role_status": "done"}
        await self._call(self._ana, "update_ticket", {**tested, "note": "1,001 are refused."})

    async def _close(self) -> None:
        self._say("Once it is merged, that is proposed with evidence, and carried out by another.")
        evidence = {"pull_request": 77, "tests": "412 passed"}
        proposed = {"ticket": 1, "evidence": evidence, "merge_sha": _SHA, "confidence": 0.95}
        suggested = await self._call(self._backend, "suggest_close", proposed)
        action = {"suggestion_id": suggested["suggestion_id"], "action": "execute"}
        await self._call(self._ana, "act_on_suggestion", action)
        self._say("Whoever comes second is told so.")
        await self._call(self._shop, "act_on_suggestion", action)

    def _say(self, sentence: str) -> None:
        print(_styled("1", sentence))

    async def _call(
        self, who: _Participant, tool: str, arguments: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Show a call and the first line of its answer; return the answer."""
        values = {
            name: textwrap.shorten(repr(value), 60, placeholder=" …'")
            for name, value in arguments.items()
        }
        shown = ", ".join(f"{name}={value}" for name, value in values.items())
        print(_folded(f"{who.name}: {tool}({shown})", mark=_styled("36", "→ ")))
        result = await who.client.call_tool(tool, dict(arguments))
        colour = "31" if result.is_error else "32"
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        print(_folded(text.partition("\n")[0], mark=_styled(colour, "← ")) + "\n")
        return result.structured_content or {}


def _server(store: Path, name: str) -> StdioServerParameters:
    environment = {
        **os.environ,
        "HANDOFF_BACKEND": f"sqlite:///{store}",
        "HANDOFF_PROJECT": "shop",
        "HANDOFF_READ_ONLY": "",
        "HANDOFF_ACTOR_ID": name,
        "BUILD_DISPATCH_URL": "",
    }
    return StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_handoff"], env=environment
    )


def _folded(text: str, *, mark: str) -> str:
    width = max(40, shutil.get_terminal_size((100, 24)).columns - 4)
    wrapper = textwrap.TextWrapper(width, break_on_hyphens=False)  # an id is one word
    lines = [part for line in text.splitlines() for part in wrapper.wrap(line)]
    return f"  {mark}" + "\n    ".join(lines)


def _heading(text: str) -> str:
    return _styled("1;4", text)


def _styled(style: str, text: str) -> str:
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\x1b[{style}m{text}\x1b[0m"
