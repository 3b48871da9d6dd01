"""A process that holds listen streams open and notes when each first hears of a change.

It gets the requests that open them in one line of JSON and says "open" once all are acknowledged.
Then each line names how many should hear of what comes next; it answers with a line of the moments
at which they did (`time.perf_counter`, which all processes of a machine share), as many as came in
time.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

from benchmarks.wire import Address

AT_ONCE = 32
"""How many streams are opened at the same time."""

PATIENCE_SECONDS = 10.0
"""How long those that should hear may take."""

_ACKNOWLEDGED = b"notifications/subscriptions/acknowledged"
_UPDATED = b"notifications/resources/updated"


@dataclass(slots=True)
class Ears:
    """What all streams heard since they last listened up."""

    moments: list[float] = field(default_factory=list[float])
    expected: int = 0
    round: int = 0
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def listen_up(self, expected: int) -> None:
        """Forget what was heard, and wait for so many streams."""
        self.moments, self.expected = [], expected
        self.round += 1
        self.complete.clear()

    def note(self) -> None:
        self.moments.append(time.perf_counter())
        if len(self.moments) == self.expected:
            self.complete.set()


class Stream(asyncio.Protocol):
    """An open stream; of much that it hears in a round the first counts."""

    def __init__(self, request: bytes, ears: Ears) -> None:
        self.acknowledged = asyncio.get_running_loop().create_future()
        self._request = request
        self._ears = ears
        self._heard_in = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport  # or nothing would hold it
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.acknowledged.done():
            if _ACKNOWLEDGED in data:
                self.acknowledged.set_result(None)
            elif not data.startswith(b"HTTP/1.1 200"):
                self.acknowledged.set_exception(RuntimeError(data))
        elif _UPDATED in data and self._heard_in != self._ears.round:
            self._heard_in = self._ears.round
            self._ears.note()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.acknowledged.done():
            self.acknowledged.set_exception(RuntimeError("a stream ended before it began"))


async def main() -> None:
    loop, ears = asyncio.get_running_loop(), Ears()
    wanted: list[tuple[Address, str]] = json.loads(sys.stdin.readline())
    places = asyncio.Semaphore(AT_ONCE)

    async def opened(address: Address, request: str) -> None:
        async with places:
            protocol = Stream(request.encode(), ears)
            await loop.create_connection(lambda: protocol, *address)
            await protocol.acknowledged

    await asyncio.gather(*(opened(address, request) for address, request in wanted))
    print("open", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        ears.listen_up(int(line))
        print("listening", flush=True)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await ears.complete.wait()
        except TimeoutError:
            print(f"{ears.expected - len(ears.moments)} heard nothing", file=sys.stderr)
        print(json.dumps(ears.moments), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
