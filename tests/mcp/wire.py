"""A server process and the raw lines of its wire."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any, Self

TIMEOUT = 60
"""Seconds that a process may take before its test fails."""

INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "wire", "version": "1"},
}
ENVELOPE = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}


def environment(store: Path, **more: str) -> dict[str, str]:
    """Return the environment of a server on this store, in project shop."""
    settings = {"HANDOFF_BACKEND": f"sqlite:///{store}", "HANDOFF_PROJECT": "shop"}
    return {**os.environ, **settings, **more}


def request(number: int, method: str, **params: Any) -> dict[str, Any]:
    """Return a request of the handshake era."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def enveloped(number: int, method: str, **params: Any) -> dict[str, Any]:
    """Return a request of the 2026-07-28 era."""
    return request(number, method, **params, **ENVELOPE)


def handshake() -> list[dict[str, Any]]:
    """Return what opens a connection of the handshake era; the request has id 0."""
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    return [request(0, "initialize", **INITIALIZE), initialized]


def call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return a tool call of the 2026-07-28 era."""
    return enveloped(number, "tools/call", name=tool, arguments=arguments)


@contextmanager
def bounded(process: subprocess.Popen[Any], seconds: float = TIMEOUT) -> Generator[None]:
    """Kill a process that keeps its reader waiting: what reads from it then comes to its end."""
    timer = Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Wire:
    """A running server; what it writes must be JSON-RPC, line by line."""

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        python: Sequence[str] = (),
        directory: Path | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *python, "-m", "mcp_handoff"],
            env=dict(settings),
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def send(self, *messages: Mapping[str, Any] | bytes) -> None:
        assert self.process.stdin is not None
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        with bounded(self.process):
            return json.loads(self.process.stdout.readline())

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        self.send(message)
        return self.receive()

    def ended(self) -> tuple[bytes, int]:
        """Wait for the end of a server that nobody speaks to; return its stderr and its status."""
        assert self.process.stderr is not None
        with bounded(self.process):
            return self.process.stderr.read(), self.process.wait()

    def finish(self) -> tuple[list[dict[str, Any]], str, int]:
        """Close stdin; return what else came out of stdout and stderr, and the exit status."""
        out, err = self.process.communicate(timeout=TIMEOUT)
        lines = [json.loads(line) for line in out.splitlines()]
        return lines, err.decode(), self.process.returncode
