"""Child processes of the tests, which speak in lines."""

import os
import runpy
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import TypeAlias

import anyio

from tests.forks import FORKS
from tests.mcp.wire import TIMEOUT

PART_BYTES = 1 << 16

Pipe: TypeAlias = "Connection[bytes, bytes]"


class Child:
    """A process that is told lines on its standard input and answers in lines."""

    def __init__(self, process: ForkServerProcess, told: Pipe, answers: Pipe) -> None:
        self._process = process
        self._input = told.fileno()
        self._output = answers.fileno()
        self._received = b""

    async def tell(self, line: str) -> None:
        os.write(self._input, f"{line}\n".encode())

    async def line(self) -> str:
        while b"\n" not in self._received:
            await self._receive()
        line, _, self._received = self._received.partition(b"\n")
        return line.decode()

    async def kill(self) -> list[str]:
        """Send SIGKILL; return the whole lines that had been written and not yet read."""
        self._process.kill()
        try:
            while True:
                await self._receive()
        except anyio.EndOfStream:
            *lines, _unfinished = self._received.decode().split("\n")
        return lines

    async def exit_code(self) -> int | None:
        await anyio.wait_readable(self._process.sentinel)
        self._process.join(TIMEOUT)
        return self._process.exitcode

    async def _receive(self) -> None:
        await anyio.wait_readable(self._output)
        part = os.read(self._output, PART_BYTES)
        if not part:
            raise anyio.EndOfStream
        self._received += part


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncGenerator[Child]:
    """Run a module of tests.backends until the block ends."""
    to_read, told = FORKS.Pipe(duplex=False)
    answers, to_write = FORKS.Pipe(duplex=False)
    with told, answers:
        process = FORKS.Process(target=_run, args=(module, arguments, to_read, to_write))
        with to_read, to_write:
            process.start()
        try:
            yield Child(process, told, answers)
        finally:
            process.kill()
            process.join(TIMEOUT)


@asynccontextmanager
async def children(count: int, module: str, *arguments: str) -> AsyncGenerator[Sequence[Child]]:
    """Run a module several times at once, each with its own number as its last argument."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(child(module, *arguments, str(number)))
            for number in range(count)
        ]


def _run(module: str, arguments: Sequence[str], to_read: Pipe, to_write: Pipe) -> None:
    """Run a module in this process as a command does."""
    for standard, pipe in enumerate((to_read, to_write)):
        os.dup2(pipe.fileno(), standard)
        pipe.close()
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.argv = [module, *arguments]
    runpy.run_module(f"tests.backends.{module}", run_name="__main__", alter_sys=True)
