"""A stand-in for Jira that creates, gives and searches issues of one project, kept in memory.

So what is measured of its client holds no network and no work of Jira's own.
"""

import asyncio
import json
import sys
from asyncio import StreamReader, StreamWriter
from typing import Any

PROJECT = "BENCH"

_SEARCHED = 20
"""How many issues a search gives: the newest."""

_HEAD = "HTTP/1.1 {} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"

Issue = dict[str, Any]


class Issues:
    """The issues, as Jira's REST API (version 2) tells of them."""

    def __init__(self) -> None:
        self._fields: list[dict[str, Any]] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """Return the status and the body of the answer to a request; 404 for what is unknown."""
        match method, path.partition("?")[0].strip("/").split("/")[3:]:
            case "POST", ["issue"]:
                self._fields.append(json.loads(body)["fields"])
                return 201, self._issue(len(self._fields))
            case "GET", ["issue", key] if self._has(key):
                return 200, self._issue(int(key.rpartition("-")[2]))
            case "GET" | "POST", ["search"]:
                total = len(self._fields)
                newest = range(total, max(0, total - _SEARCHED), -1)
                issues = [self._issue(number) for number in newest]
                return 200, {"startAt": 0, "maxResults": 50, "total": total, "issues": issues}
            case "GET", ["field"]:
                return 200, [{"id": "summary", "name": "Summary", "custom": False}]
            case _:
                return 404, {"errorMessages": ["There is no such thing here."], "errors": {}}

    def _has(self, key: str) -> bool:
        number = key.removeprefix(f"{PROJECT}-")
        return number.isdecimal() and 0 < int(number) <= len(self._fields)

    def _issue(self, number: int) -> Issue:
        filed = "2026-11-02T09:30:00.000+0000"
        standing = {"status": {"name": "To Do"}, "created": filed, "updated": filed}
        fields = {**self._fields[number - 1], **standing}
        return {"id": str(number), "key": f"{PROJECT}-{number}", "self": "", "fields": fields}


async def serve() -> None:
    """Serve until killed; the address is told on stderr."""
    issues = Issues()

    async def converse(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                status, answer = issues.answer(method, path, body)
                told = json.dumps(answer).encode()
                writer.write(_HEAD.format(status, len(told)).encode() + told)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    sys.stderr.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
