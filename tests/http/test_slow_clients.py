"""Clients that say nothing, or half of it: they cost little, and are let go."""

import socket
import time
from contextlib import ExitStack, suppress

import psutil
import pytest

from mcp_handoff.http.body_limit import BODY_SECONDS, DELIVERY_BYTES
from mcp_handoff.http.deadlines import HEAD_BYTES, PIPELINED
from tests.http.served import Served
from tests.http.test_access import TICKET
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

HALF_OPEN = 1_000
MEGABYTE = 1_000_000
SEVERAL = 30

HALF_A_HEAD = b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-"
HALF_A_BODY = (
    b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 100\r\n\r\n{"name":'
)


@pytest.fixture
def address(served: Served) -> tuple[str, int]:
    host, _, port = served.url.removeprefix("http://").partition(":")
    return host, int(port)


def test_a_thousand_half_open_requests_leave_room_for_the_others(
    served: Served, address: tuple[str, int]
) -> None:
    process = psutil.Process(served.process.pid)
    served.http.post("/api/projects", json={"name": "shop"})
    before = process.memory_info().rss
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(address)) for _ in range(HALF_OPEN)]
        for client in silent:
            client.sendall(HALF_A_HEAD)
        assert served.http.post("/api/projects/shop/tickets", json=TICKET).status_code == 201
        assert is_open(silent[-1]), "it was answered only when they had been let go"
        assert process.memory_info().rss - before < 60 * MEGABYTE
        assert {ending(client) for client in silent} == {b""}
    assert served.http.get("/healthz").status_code == 200


def test_half_a_second_request_is_let_go_too(served: Served, address: tuple[str, int]) -> None:
    with socket.create_connection(address) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + HALF_A_HEAD)
        answered = ending(client)
    assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answered.count(b"HTTP/1.1") == 1


def test_half_a_body_is_answered_in_time(served: Served, address: tuple[str, int]) -> None:
    begun = time.monotonic()
    with socket.create_connection(address) as client:
        client.sendall(HALF_A_BODY)
        client.settimeout(TIMEOUT)
        assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun > BODY_SECONDS / 2


def test_whoever_reads_only_once_all_is_sent_is_told_of_a_refusal_too(
    served: Served, address: tuple[str, int]
) -> None:
    head = b"POST /api/hooks/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(address, TIMEOUT) as client:
        client.sendall(head % DELIVERY_BYTES + bytes(DELIVERY_BYTES))
        assert ending(client).startswith(b"HTTP/1.1 401 ")
    assert served.http.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"x" * 2 * HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"X-Name: value\r\n" * HEAD_BYTES,
        b"GET / HTTP/1.1\r\nX-Name: " + b"x" * 2 * HEAD_BYTES,
    ],
    ids=["an address", "headers", "a header"],
)
def test_a_head_that_does_not_end_is_refused_when_it_is_too_long(
    served: Served, address: tuple[str, int], sent: bytes
) -> None:
    with socket.create_connection(address) as client:
        client.sendall(sent)
        assert ending(client).startswith(b"HTTP/1.1 400 ")
    assert served.http.get("/healthz").status_code == 200


def test_no_more_requests_wait_on_a_connection_than_may(
    served: Served, address: tuple[str, int]
) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(address) as client:
        client.sendall(asked * (PIPELINED + 2))
        assert b"HTTP/1.1 400 " in ending(client)
    with socket.create_connection(address) as client:
        client.sendall(asked * PIPELINED)
        assert ending(client).count(b"HTTP/1.1 200 OK") == PIPELINED


def test_long_heads_may_follow_long_bodies(served: Served, address: tuple[str, int]) -> None:
    body = b'{"name":"' + b"x" * 2 * HEAD_BYTES + b'"}'
    head = b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += b"X-Long: %b\r\nContent-Length: %d\r\n\r\n" % (b"x" * (HEAD_BYTES // 2), len(body))
    with socket.create_connection(address) as client:
        client.sendall((head + body) * SEVERAL)
        assert ending(client).count(b"VALIDATION_ERROR") == SEVERAL


def is_open(client: socket.socket) -> bool:
    """Return whether the server has neither answered nor closed a connection."""
    client.setblocking(False)
    try:
        client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    return False


def ending(client: socket.socket) -> bytes:
    """Return all that a connection still gives until the server ends it."""
    client.settimeout(TIMEOUT)
    received = b""
    with suppress(ConnectionResetError):  # what was sent to a closed connection comes back as this
        while part := client.recv(10_000):
            received += part
    return received
