"""A raw JSON-RPC client over pipes, so that what is measured is the server."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from benchmarks import wire

_EXIT_SECONDS = 10


class Failed(Exception):
    """The server answered with an error, or left without an answer."""


class Server:
    """A server in a process of its own, spoken to in one protocol revision; ends with its block."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        era: str = wire.MODERN,
    ) -> None:
        self._era = era
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._last_id = 0

    def begin(self) -> None:
        """Ask what the revision begins with, and wait for the answer."""
        if self._era == wire.MODERN:
            self.request("server/discover")
        else:
            self.request("initialize", **wire.INITIALIZE)
            self._send({"method": "notifications/initialized"})

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request and return its result."""
        self._last_id += 1
        if self._era == wire.MODERN:
            params["_meta"] = wire.ENVELOPE
        self._send({"id": self._last_id, "method": method, "params": params})
        answer = self._answer()
        if "error" in answer or answer["result"].get("isError"):
            raise Failed(answer)
        return answer["result"]

    def call(self, tool: str, arguments: Mapping[str, Any]) -> float:
        """Call a tool and return the seconds that it took."""
        begun = time.perf_counter()
        self.request("tools/call", name=tool, arguments=arguments)
        return time.perf_counter() - begun

    @property
    def age(self) -> float:
        """The seconds since just before the process was started."""
        return time.perf_counter() - self._started

    @property
    def resident(self) -> int:
        """The bytes of memory that the process and those that it started have resident."""
        process = psutil.Process(self._process.pid)
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Let the server end; how fast it does is not measured, so a slow one is killed."""
        try:
            self._process.communicate(timeout=_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        line = json.dumps({"jsonrpc": "2.0", **message})
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Failed("the server has left") from error

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == self._last_id:
                return message
        raise Failed("the server has left without an answer")
