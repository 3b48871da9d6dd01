"""A load: HTTP/1.1 requests that lie ready as bytes, sent over connections that are kept.

It comes from a process of its own that knows nothing of MCP, so that what is measured is the server
and not the client. Each client sends its next request as soon as it has the answer to its last.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

PLACE = "#########"
"""Stands for the call's number, in nine digits, wherever it occurs in a request."""

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What a load took, in seconds: in all, of the client's processor, and of each call."""

    seconds: float
    processor: float
    calls: list[float]

    @property
    def rate(self) -> float:
        """The calls a second."""
        return len(self.calls) / self.seconds

    @property
    def share(self) -> float:
        """The part of one core that the client was busy on: at 1 it would be the limit."""
        return self.processor / self.seconds


@dataclass(frozen=True, slots=True)
class Order:
    """Which requests to send where: call by call in turn, by so many clients, numbered from."""

    address: tuple[str, int]
    requests: Sequence[str]
    clients: int
    calls: int
    first: int


def put(order: Order) -> Load:
    """Put a load on a server; CalledProcessError when it refuses a call."""
    command = [sys.executable, "-m", __name__]
    told = json.dumps(asdict(order))
    ran = subprocess.run(command, input=told, stdout=subprocess.PIPE, text=True, check=True)
    return Load(**json.loads(ran.stdout))


async def _put(order: Order) -> Load:
    numbers = iter(range(order.first, order.first + order.calls))
    requests = [request.encode() for request in order.requests]
    host, port = order.address
    connections = [await asyncio.open_connection(host, port) for _ in range(order.clients)]
    begun, busy = time.perf_counter(), time.process_time()
    clients = (_call(reader, writer, requests, numbers) for reader, writer in connections)
    taken = await asyncio.gather(*clients)
    return Load(
        seconds=time.perf_counter() - begun,
        processor=time.process_time() - busy,
        calls=[seconds for of_client in taken for seconds in of_client],
    )


async def _call(
    reader: StreamReader, writer: StreamWriter, requests: Sequence[bytes], numbers: Iterator[int]
) -> list[float]:
    place, taken = PLACE.encode(), list[float]()
    for number in numbers:
        request = requests[number % len(requests)].replace(place, b"%09d" % number)
        begun = time.perf_counter()
        writer.write(request)
        answer = await _answer(reader)
        taken.append(time.perf_counter() - begun)
        if b'"error":{' in answer or b'"isError":true' in answer:
            raise RuntimeError(answer)
    return taken


async def _answer(reader: StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 20"):
        raise RuntimeError(head)
    length = _LENGTH.search(head)
    return await (reader.readexactly(int(length[1])) if length else reader.readuntil(_LAST_CHUNK))


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_put(Order(**json.load(sys.stdin)))))))
