"""A server over HTTP, in a process of its own."""

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

import psutil

from benchmarks.machine import processor_time

_ADDRESS = re.compile(r"http://([\d.]+):(\d+)")


_LOOK_SECONDS = 0.05


class Served:
    """A server that tells its address on stderr when it starts, and ends with its block.

    One that was given a `port` need not tell it.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        port: int | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            command, env=environment, cwd=directory, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        if port is None:
            announced = self._process.stderr.readline()
            found = _ADDRESS.search(announced)
            assert found, announced
            self.address = found[1], int(found[2])
        rest = (self._process.stderr, sys.stderr)
        Thread(target=shutil.copyfileobj, args=rest, daemon=True).start()  # a full pipe would block
        if port is not None:
            self.address = "127.0.0.1", port
            self._connect()

    @property
    def resident(self) -> int:
        """The bytes of memory that the process has resident."""
        return psutil.Process(self._process.pid).memory_info().rss

    @property
    def processor(self) -> float:
        """The seconds that the process has been running on a processor."""
        return processor_time(self._process.pid)

    def _connect(self) -> None:
        """Wait until the server listens."""
        while self._process.poll() is None:
            try:
                socket.create_connection(self.address).close()
            except ConnectionRefusedError:
                time.sleep(_LOOK_SECONDS)
            else:
                return
        raise RuntimeError("the server has left before it listened")

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
