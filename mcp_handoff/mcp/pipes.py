"""The two ends of the wire on the event loop."""

import asyncio
import logging
import queue
import select
import threading
from collections.abc import Callable

import anyio

from mcp_handoff.mcp.wire import Line, Wire, write_all

logger = logging.getLogger(__name__)


class Input:
    """The lines of a wire that nobody has taken yet."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[Line | None] = asyncio.Queue()
        wire.hand_to(self._take)

    async def next_line(self) -> Line | None:
        """Return the next line, None at the end."""
        line = await self._lines.get()
        self._wire.taken()
        return line

    def _take(self, line: Line | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:
            logger.debug("a line came after the loop had ended")


class Output:
    """Lines to a file descriptor, in order, without ever blocking the loop.

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

    def write(self, message: bytes) -> None:
        """Write a line after all that were written before."""
        data = message + b"\n"
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
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            logger.debug("stdout is closed: %s", error)
            return False
        return True
