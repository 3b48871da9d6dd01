"""Child processes of the tests, which speak in lines."""

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

ROOT = Path(__file__).parents[2]
LINE_BYTES = 1 << 20


class Child:
    """A process that is told lines on its standard input and answers in lines."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = BufferedByteReceiveStream(process.stdout)

    async def tell(self, line: str) -> None:
        await self._input.send(f"{line}\n".encode())

    async def line(self) -> str:
        return (await self._output.receive_until(b"\n", LINE_BYTES)).decode()

    async def kill(self) -> list[str]:
        """Send SIGKILL; return the whole lines that had been written and not yet read."""
        self._process.kill()
        written = bytearray()
        try:
            while True:
                written += await self._output.receive()
        except anyio.EndOfStream:
            *lines, _unfinished = bytes(written).decode().split("\n")
        return lines

    async def exit_code(self) -> int:
        return await self._process.wait()


@asynccontextmanager
async def child(module: str, *arguments: str, within: Sequence[str] = ()) -> AsyncGenerator[Child]:
    """Run a module of tests.backends, by the command `within`, until the block ends."""
    command = [*within, sys.executable, "-m", f"tests.backends.{module}", *arguments]
    async with await anyio.open_process(command, stderr=None, cwd=ROOT) as process:
        try:
            yield Child(process)
        finally:
            if process.returncode is None:
                process.kill()


@asynccontextmanager
async def children(count: int, module: str, *arguments: str) -> AsyncGenerator[Sequence[Child]]:
    """Run a module several times at once, each with its own number as its last argument."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(child(module, *arguments, str(number)))
            for number in range(count)
        ]
