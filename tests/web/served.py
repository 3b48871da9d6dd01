"""A running `mcp-handoff serve`."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from tests.server.wire import TIMEOUT, environment


class Served:
    """The process, its address and a client of its REST API."""

    def __init__(
        self, store: Path, *arguments: str, token: str | None = None, **settings: str
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mcp_handoff", "serve", "--port", "0", *arguments],
            env=environment(store, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr is not None
        announced = self.process.stderr.readline().decode()
        found = re.search(r"http://[\d.]+:\d+", announced)
        assert found, announced
        self.url = found.group()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx2.Client(base_url=self.url, headers=headers, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.http.close()
        self.process.kill()
        self.process.communicate()

    def end(self) -> tuple[int, bytes]:
        """Send SIGTERM; return the exit status and what else came out of stderr."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, errors


def command(store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of mcp-handoff on a store."""
    return subprocess.run(
        [sys.executable, "-m", "mcp_handoff", *arguments],
        env=environment(store),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def make_token(store: Path, *arguments: str) -> str:
    """Return the secret of a new token."""
    made = command(store, "token", "create", *arguments)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()
