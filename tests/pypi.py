"""Programs of PyPI that tests use beside the package's own environment, installed from a lock."""

import subprocess
import sys
from pathlib import Path

import uv

from tests.kept import kept_folder
from tests.missing import missing

SECONDS = 150


def interpreter(locked: Path, kept: Path) -> Path:
    """Return a Python that has what a lock names, below the folder where such are kept. Where that
    can't be installed a test is skipped; in CI that is a failure."""

    def install(folder: Path) -> None:
        _run("venv", "--clear", "--python", sys.executable, str(folder / "venv"))
        python = str(folder / "venv/bin/python")
        _run("pip", "sync", "--require-hashes", "--python", python, str(locked))

    return kept_folder(kept / locked.stem, [locked], install) / "venv/bin/python"


def _run(*arguments: str) -> None:
    command = [uv.find_uv_bin(), "--quiet", *arguments]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    except subprocess.TimeoutExpired:
        missing(f"This needs packages of PyPI, which takes more than {SECONDS} s.")
    except subprocess.CalledProcessError as error:
        missing(f"This needs packages of PyPI: {error.stderr}")
