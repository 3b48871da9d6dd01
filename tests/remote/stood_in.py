"""A running stand-in, and a server that has it for a backend."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
from mcp.client.stdio import StdioServerParameters

from tests.mcp.wire import TIMEOUT, bounded
from tests.remote.stand_in import PROJECT

ROOT = Path(__file__).parents[2]


class StandIn:
    """The documented APIs as a process, what they were asked, and what they respond next."""

    def __init__(self, token: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.remote.stand_in", token],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        with bounded(self._process):
            self.origin = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        self.url = f"{self.origin}/api"
        self._http = httpx2.Client(base_url=self.origin, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._http.close()
        self._process.kill()
        self._process.communicate()

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests that came: method, path, headers, body."""
        return self._http.get("/recorded").json()["requests"]

    def last(self) -> tuple[str, str, Any]:
        """Return the last request's method, its path below /api, and its body."""
        request = self.requests()[-1]
        return request["method"], request["path"].removeprefix("/api"), request["body"]

    def respond_next(self, status: int, body: Mapping[str, Any], **headers: str) -> None:
        """Have the next request responded to like this."""
        planned = {"status": status, "body": body, "headers": headers}
        self._http.post("/next", json=planned).raise_for_status()

    def begin_anew(self) -> None:
        """Forget all that happened: the next test begins."""
        self._http.post("/anew").raise_for_status()

    def tokens(self) -> set[str | None]:
        """Return what came as authorization."""
        return {request["headers"].get("authorization") for request in self.requests()}


def started(api: StandIn, token: str, **settings: str) -> StdioServerParameters:
    """Return how to start a server over these APIs."""
    told = {
        "HANDOFF_BACKEND": api.url,
        "HANDOFF_API_TOKEN": token,
        "HANDOFF_PROJECT": PROJECT,
        **settings,
    }
    return StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_handoff"], env={**os.environ, **told}
    )
