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
from benchmarks.wire import ERAS, MODERN

ROOT = Path(__file__).parents[1]
PROJECT = "bench"


@dataclass(slots=True)
class Starts:
    """The seconds from just before each start to the answer of the first request, of tools/list
    after it, and of the first ticket that is filed after that."""

    first_answer: list[float] = field(default_factory=list[float])
    tools: list[float] = field(default_factory=list[float])
    first_create: list[float] = field(default_factory=list[float])


@dataclass(slots=True)
class Contender:
    """A server as it is started, its tool that files a ticket, and its figures.

    `{store}` in the command and the settings stands for the file that it writes to; `named` are the
    tool's arguments of a title and a description, `more` those that it needs beside them.
    """

    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    tool: str = "create_ticket"
    named: tuple[str, str] = ("title", "description")
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])
    creates: list[float] = field(default_factory=list[float])
    starts: dict[str, Starts] = field(default_factory=lambda: {era: Starts() for era in ERAS})
    resident: list[int] = field(default_factory=list[int])
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def start(self, store: Path, era: str = MODERN) -> Server:
        """Start the server over stdio, begin and list its tools."""
        server = Server(*self.invocation(store), ROOT, era)
        starts = self.starts[era]
        server.begin()
        starts.first_answer.append(server.age)
        self.tools = server.request("tools/list")["tools"]
        starts.tools.append(server.age)
        return server

    def create_first(self, server: Server, era: str = MODERN) -> None:
        """File the first ticket since the server's start."""
        self.create(server, 0)
        self.starts[era].first_create.append(server.age)

    def serve(self, store: Path) -> Served:
        """Start the server over HTTP and wait until it listens."""
        return Served(*self.invocation(store), ROOT)

    def create(self, server: Server, number: int) -> float:
        """File a ticket like no other and return the seconds that it took."""
        return server.call(self.tool, self.ticket(str(number)))

    def ticket(self, case: str) -> dict[str, Any]:
        """Return the arguments of a ticket like no other."""
        title, description = self.named
        return {
            title: f"Checkout fails in case {case}",
            description: f"POST /checkout answers 500 in case {case}; the others work.",
            **self.more,
        }

    @property
    def memory(self) -> float:
        return statistics.median(self.resident)

    def invocation(self, store: Path) -> tuple[list[str], dict[str, str]]:
        """Return the command that starts the server, and its environment."""
        settings = {name: value.format(store=store) for name, value in self.settings.items()}
        return [part.format(store=store) for part in self.command], {**inherited(), **settings}


def bare(transport: str = "stdio") -> Contender:
    """The SDK with one tool that does one durable insert; over stdio or http."""
    return Contender(python("benchmarks.bare_server", transport, "{store}"))


def ours(*command: str, **settings: str) -> Contender:
    """mcp-handoff as it is installed; a command and settings may be added."""
    store = {"HANDOFF_BACKEND": "sqlite:///{store}", "HANDOFF_PROJECT": PROJECT}
    return Contender(
        python("mcp_handoff", *command),
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
