"""`mcp-handoff install`, run as a person does, with a home of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mcp_handoff.clients.clients import CLIENTS, Machine
from tests.mcp.wire import TIMEOUT

URL = "https://desk.example/mcp"

PROGRAM = str(Path(sys.executable).with_name("mcp-handoff"))

REMOTE = [name for name, client in CLIENTS.items() if client.remote]
OF_PROJECTS = [name for name, client in CLIENTS.items() if client.project_file]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of somebody whose home this is, and who set nothing."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    return {**kept, "HOME": str(home), **more}


def install(
    home: Path,
    *arguments: str,
    directory: Path | None = None,
    program: tuple[str, ...] = (PROGRAM,),
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Run it; a test that expects no failure looks at `returncode`."""
    return subprocess.run(
        [*program, "install", *arguments],
        env=environment(home, **more),
        cwd=directory or home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def user_file(client: str, home: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Return where a client has its file on this machine."""
    return Path(CLIENTS[client].user_file(Machine(sys.platform, home, environ or {})))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with nothing in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
