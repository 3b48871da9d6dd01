"""The system's programs, and our files for them."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DEPLOY = ROOT / "deploy"

_FOLDERS = f"/usr/sbin:/usr/local/sbin:{Path(sys.executable).parent}"
"""Where programs lie too: what only root runs, and what pip installed."""


def installed(program: str) -> str:
    """Return where a program is; skip a test where it is not, in CI a failure."""
    found = shutil.which(program) or shutil.which(program, path=_FOLDERS)
    if found is None:
        told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        told(f"{program} is not installed")
    return found


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """Return a configuration as its reader is told to change it."""
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text
