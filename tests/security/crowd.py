"""Somebody who works at a server while a crowd is at it."""

import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection

from tests.http.served import Served, bearer
from tests.mcp.wire import TIMEOUT, bounded


def address_of(served: Served) -> tuple[str, int]:
    host, _, port = served.url.removeprefix("http://").partition(":")
    return host, int(port)


def head(method: str, path: str, *headers: str) -> str:
    """Return the head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""])


@contextmanager
def crowd(served: Served, size: int, sent: str) -> Generator[None]:
    """Keep so many connections open while this is entered, each of which sends the same
    and then drips."""
    arguments = json.dumps([*address_of(served), size, sent])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.security.crowd_process", arguments], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        with bounded(process):
            assert process.stdout.readline() == b"open\n"
        yield
    finally:
        process.kill()
        process.communicate()


def slowest(served: Served, path: str = "/api/projects", calls: int = 30) -> float:
    """Return the seconds that the slowest of so many calls took, each on a connection of its own,
    all of which have to succeed."""
    return max(_call(served, path) for _ in range(calls))


def _call(served: Served, path: str) -> float:
    begun = time.monotonic()
    connection = HTTPConnection(*address_of(served), timeout=TIMEOUT)
    connection.request("GET", path, headers=bearer(served.token))
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - begun
