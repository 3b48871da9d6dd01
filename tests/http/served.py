"""A running `mcp-handoff serve`."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx2

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.principals import PrincipalRole
from mcp_handoff.projects import CreateProject
from mcp_handoff.tokens import CreateToken
from tests.databases import in_store
from tests.mcp.wire import TIMEOUT, bounded, environment

OPERATOR = Caller(Actor(role="user", source="cli"))
"""Whoever sits at the machine."""


class Served:
    """The process, its store, its address, what it said before that, and a client of its REST API
    with a token, if any."""

    def __init__(
        self,
        store: Path,
        *arguments: str,
        token: str = "",
        files: str = "",
        module: str = "mcp_handoff",
        directory: str = "",
        **settings: str,
    ) -> None:
        """Start it, with no more than so many `files` open if they are limited; `module` is the
        program, looked for in `directory` first."""
        self.store, self.token = store, token
        limited = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', files] if files else []
        serve = [sys.executable, "-m", module, "serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(
            [*limited, *serve],
            env=environment(store, **settings),
            cwd=directory or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr is not None
        with bounded(self.process):
            self.url, self.said = _announced(self.process.stderr)
        headers = bearer(token) if token else {}
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


def _announced(errors: IO[bytes]) -> tuple[str, str]:
    """Return the address that a server announces, and what came before."""
    said = b""
    for line in errors:
        if found := re.match(rb"mcp-handoff: (http://[\d.]+:\d+)", line):
            return found.group(1).decode(), said.decode()
        said += line
    raise AssertionError(said.decode())


def command(store: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of mcp-handoff on a store."""
    return subprocess.run(
        [sys.executable, "-m", "mcp_handoff", *arguments],
        env=environment(store, **settings),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def make_token(
    store: Path | str, name: str, role: PrincipalRole, *projects: str, days: int | None = None
) -> str:
    """Return the secret of a new token, made in this process."""
    request = CreateToken(name=name, role=role, projects=[*projects], expires_days=days)
    return in_store(store, lambda opened: opened.create_token(OPERATOR, request)).secret


def make_project(store: Path | str, slug: str) -> None:
    """Start a project, in this process."""
    in_store(store, lambda opened: opened.create_project(OPERATOR, CreateProject(name=slug)))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def soon(holds: Callable[[], bool], seconds: float = 2.0) -> bool:
    """Tell whether something holds that is looked for again and again, begun within so many
    seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.05)  # or who looks would be limited
    return False
