"""Libraries in C that get between a process and its system, loaded by LD_PRELOAD."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def built(name: str, directory: Path) -> Path:
    """Build a library of this folder with the system's C compiler; skip the test where there is
    none, in CI a failure."""
    if shutil.which("cc") is None:
        told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        told("there is no C compiler (cc)")
    library = directory / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library
