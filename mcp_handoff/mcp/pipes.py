"""The two ends of the wire: stdin and stdout taken for the protocol alone."""

import asyncio
import logging
import os
import queue
import select
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import anyio

LINE_BYTES = 4 * 1024 * 1024
"""The longest line that is taken, as much as the SDK takes over HTTP."""

_LINES_AHEAD = 64
"""How many lines are read before the first of them is taken."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TooLong:
    """Stands for a line of more than LINE_BYTES."""


Line = bytes | TooLong


def claim_descriptors() -> tuple[int, int]:
    """Return private descriptors of stdin and stdout.

    In their places stand the null device and stderr, so that a stray read or print of anyone's
    in this process can't touch the wire.
    """
    wire_in, wire_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return wire_in, wire_out


def split_lines(descriptor: int) -> Iterator[Line]:
    """Yield the lines of a file descriptor until its end; the last one needs no newline."""
    kept, too_long = b"", False
    while chunk := os.read(descriptor, 65_536):
        *lines, kept = (kept + chunk).split(b"\n")
        for line in lines:
            yield TooLong() if too_long or len(line) > LINE_BYTES else line
            too_long = False
        if len(kept) > LINE_BYTES:
            kept, too_long = b"", True
    if kept:
        yield kept


class Input:
    """Lines from a file descriptor, read in a thread of its own.

    The thread is a daemon, for it waits in read(2), which nothing can wake: a signal must be able
    to end the program while the client is silent.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[Line | None] = asyncio.Queue()
        self._ahead = threading.Semaphore(_LINES_AHEAD)
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    async def next_line(self) -> Line | None:
        """Return the next line, None at the end."""
        line = await self._lines.get()
        self._ahead.release()
        return line

    def _read(self) -> None:
        for line in split_lines(self._descriptor):
            self._ahead.acquire()
            self._hand_over(line)
        self._hand_over(None)

    def _hand_over(self, line: Line | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:
            logger.debug("a line came after the loop had ended")


class Output:
    """Bytes to a file descriptor, in order, without ever blocking the loop.

    What a pipe is sure to take at once is written directly (select.PIPE_BUF); the rest goes to a
    daemon thread. `on_broken` is called in the loop when the reader has gone.
    """

    def __init__(self, descriptor: int, on_broken: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._unwritten = 0
        self._flushed = anyio.Event()
        threading.Thread(target=self._run, name="stdout", daemon=True).start()

    def write(self, data: bytes) -> None:
        """Write `data` after all that was written before."""
        _, takes_more, _ = select.select([], [self._descriptor], [], 0)
        if self._unwritten or len(data) > select.PIPE_BUF or not takes_more:
            self._unwritten += 1
            self._waiting.put(data)
        elif not self._write(data):
            self._on_broken()

    async def flush(self) -> None:
        """Wait until everything is written."""
        while self._unwritten:
            self._flushed = anyio.Event()
            await self._flushed.wait()

    def _run(self) -> None:
        while True:
            written = self._write(self._waiting.get())
            self._loop.call_soon_threadsafe(self._settle, written)

    def _settle(self, written: bool) -> None:
        self._unwritten -= 1
        self._flushed.set()
        if not written:
            self._on_broken()

    def _write(self, data: bytes) -> bool:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            logger.debug("stdout is closed: %s", error)
            return False
        return True
