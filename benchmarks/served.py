"""A server over HTTP, in a process of its own."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

import psutil

_ADDRESS = re.compile(r"http://([\d.]+):(\d+)")


class Served:
    """A server that tells its address on stderr when it starts, and ends with its block."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path
    ) -> None:
        self._process = subprocess.Popen(
            command, env=environment, cwd=directory, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        announced = self._process.stderr.readline()
        found = _ADDRESS.search(announced)
        assert found, announced
        self.address = found[1], int(found[2])
        rest = (self._process.stderr, sys.stderr)
        Thread(target=shutil.copyfileobj, args=rest, daemon=True).start()  # a full pipe would block

    @property
    def resident(self) -> int:
        """The bytes of memory that the process has resident."""
        return psutil.Process(self._process.pid).memory_info().rss

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
