"""The servers that are compared, and what is measured of each."""

import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.pipes import Server
from benchmarks.served import Served

ROOT = Path(__file__).parents[1]
PROJECT = "bench"


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
        """Start the server over stdio and wait until it has listed its tools."""
        server = Server(self._command(store), self._environment(store), ROOT)
        self.tools = server.request("tools/list")["tools"]
        self.starts.append(server.age)
        return server

    def serve(self, store: Path) -> Served:
        """Start the server over HTTP and wait until it listens."""
        return Served(self._command(store), self._environment(store), ROOT)

    def create(self, server: Server, number: int) -> float:
        """File a ticket like no other and return the seconds that it took."""
        return server.call("create_ticket", self.ticket(str(number)))

    def ticket(self, case: str) -> dict[str, Any]:
        """Return what create_ticket takes for a ticket like no other."""
        return {
            "title": f"Checkout fails in case {case}",
            "description": f"POST /checkout answers 500 in case {case}; the others work.",
            **self.more,
        }

    @property
    def memory(self) -> float:
        return statistics.median(self.resident)

    def _command(self, store: Path) -> list[str]:
        return python(*(part.format(store=store) for part in self.command))

    def _environment(self, store: Path) -> dict[str, str]:
        settings = {name: value.format(store=store) for name, value in self.settings.items()}
        return {**inherited(), **settings}


def bare(transport: str = "stdio") -> Contender:
    """The SDK with one tool that does one durable insert; over stdio or http."""
    return Contender(["benchmarks.bare_server", transport, "{store}"])


def ours(*command: str, **settings: str) -> Contender:
    """mcp-handoff as it is installed; a command and settings may be added."""
    store = {"HANDOFF_BACKEND": "sqlite:///{store}", "HANDOFF_PROJECT": PROJECT}
    return Contender(
        ["mcp_handoff", *command],
        settings={**store, **settings},
        more={"request_type": "bug", "roles": ["backend"]},
    )


def ours_over_http(**settings: str) -> Contender:
    """mcp-handoff as it serves whoever is on this machine, without its rate limit unless the
    settings say otherwise."""
    return ours("serve", "--port", "0", **{"HANDOFF_RATE_LIMIT": "0", **settings})


def python(*arguments: str) -> list[str]:
    """Return the command that runs a module with the interpreter that runs this."""
    return [sys.executable, "-m", *arguments]


def inherited() -> dict[str, str]:
    """Return the environment without settings of ours."""
    ours = ("HANDOFF_", "BUILD_DISPATCH_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
