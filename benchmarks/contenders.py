"""The servers that are compared, and what is measured of each."""

import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.pipes import Server

ROOT = Path(__file__).parents[1]


@dataclass(slots=True)
class Contender:
    """A server as it is started, what its create_ticket needs beside the texts, and its figures.

    `{store}` in the command and the settings stands for the file that it writes to.
    """

    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    creates: list[float] = field(default_factory=list[float])
    starts: list[float] = field(default_factory=list[float])
    resident: list[int] = field(default_factory=list[int])
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def start(self, store: Path) -> Server:
        """Start the server and wait until it has listed its tools."""
        command = [sys.executable, "-m", *(part.format(store=store) for part in self.command)]
        settings = {name: value.format(store=store) for name, value in self.settings.items()}
        server = Server(command, {**_inherited(), **settings}, ROOT)
        self.tools = server.request("tools/list")["tools"]
        self.starts.append(server.age)
        return server

    def create(self, server: Server, number: int) -> float:
        """File a ticket like no other and return the seconds that it took."""
        texts = {
            "title": f"Checkout fails in case {number}",
            "description": f"POST /checkout answers 500 in case {number}; the others work.",
        }
        return server.call("create_ticket", {**texts, **self.more})

    @property
    def memory(self) -> float:
        return statistics.median(self.resident)


def bare() -> Contender:
    """The SDK with one tool that does one durable insert."""
    return Contender(["benchmarks.bare_server", "{store}"])


def ours() -> Contender:
    """mcp-handoff as it is installed."""
    return Contender(
        ["mcp_handoff"],
        settings={"HANDOFF_BACKEND": "sqlite:///{store}", "HANDOFF_PROJECT": "bench"},
        more={"request_type": "bug", "roles": ["backend"]},
    )


def _inherited() -> dict[str, str]:
    ours = ("HANDOFF_", "BUILD_DISPATCH_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
