"""A ticket API that does next to nothing, so that what is measured is its client."""

import asyncio
import json
import sys
from asyncio import StreamReader, StreamWriter

_TICKET = {
    "id": "0190a6c4-5b7e-7cc2-b1f0-2f6d3c9e8a01",
    "status": "open",
    "created_at": "2026-11-02T09:30:00.000Z",
}
_BODY = json.dumps({"ticket": _TICKET}).encode()
_HEAD = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
_ANSWER = _HEAD.format(len(_BODY)).encode() + _BODY


async def serve() -> None:
    """Answer every request with the same ticket; the address is told on stderr."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stderr.write(f"http://127.0.0.1:{port}/api\n")
    await server.serve_forever()


async def _answer(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


if __name__ == "__main__":
    asyncio.run(serve())
