"""An API that fails as it is told: raw sockets, a thread for each connection."""

import json
import select
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

JSON = "application/json"
HUGE = 100_000_000
"""The bytes of a response that is too long to be read."""

_PATIENCE = 60
"""Seconds after which a connection is given up, so that no test hangs."""

_LEAVING = 30
"""Seconds that a client may take to close a connection."""


class FaultServer:
    """Files and lists tickets over HTTP while it is entered, except where it is told to fail.

    `requests` has the method of every request that arrived, read or not; `holding` is set when an
    response is held back and `left` when the client did not wait for it; `sent` counts the bytes of
    what was sent back, `opened` the connections.
    """

    def __init__(self, *, is_ours: bool = False) -> None:
        self.is_ours = is_ours
        self.requests: list[str] = []
        self.authorizations: list[str | None] = []
        self.tickets: list[dict[str, Any]] = []
        self.holding, self.left = Event(), Event()
        self.sent = self.opened = 0
        self._faults: list[tuple[str, Fault]] = []
        self._by_key: dict[str, dict[str, Any]] = {}
        self._connections: list[tuple[socket.socket, Thread]] = []
        self._lock = Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/api"

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.drop_connections()

    def fail(self, fault: "Fault", method: str, times: int = 1) -> None:
        """Fail with the next requests of this method."""
        self._faults += [(method, fault)] * times

    def drop_connections(self) -> None:
        """Close every open connection, as a server that ends does."""
        for connection, thread in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(_PATIENCE)
        self._connections.clear()

    def is_left_alone(self) -> bool:
        """Return whether every client has closed its connections, or does so in time."""
        for _, thread in self._connections:
            thread.join(_LEAVING)
        return not any(thread.is_alive() for _, thread in self._connections)

    def take(self, method: str) -> "Fault":
        """Note a request and return what is to be done with it."""
        with self._lock:
            self.requests.append(method)
            for planned in self._faults:
                if planned[0] == method:
                    self._faults.remove(planned)
                    return planned[1]
        return responds

    def do(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Do what is asked and return the response."""
        with self._lock:
            self.authorizations.append(headers.get("authorization"))
            if method == "POST":
                return self.response(201, {"ticket": self._filed(headers, json.loads(body))})
            words = parse_qs(urlsplit(path).query).get("q", [""])[0]
            found = [ticket for ticket in self.tickets if words in ticket["title"]]
            return self.response(200, {"tickets": found})

    def response(self, status: int, body: object, content_type: str = JSON, **more: str) -> bytes:
        """Return a response as it goes over the wire; `more` are headers."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        ours = {"Handoff-Version": "1"} if self.is_ours else {}
        named = {name.replace("_", "-"): value for name, value in more.items()}
        headers = {"Content-Type": content_type, "Content-Length": len(content), **ours, **named}
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + content

    def _filed(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        key = headers.get("idempotency-key", "") if self.is_ours else ""
        if key in self._by_key:
            return self._by_key[key]
        told = {"id": str(uuid4()), "status": "open", "created_at": datetime.now(UTC).isoformat()}
        ticket: dict[str, Any] = {**body, **told, "roles": []}
        self.tickets.append(ticket)
        if key:
            self._by_key[key] = ticket
        return ticket

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                thread = Thread(target=self._serve, args=[connection], daemon=True)
                self._connections.append((connection, thread))
                self.opened += 1
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        with connection, suppress(OSError):
            while beginning := connection.recv(4, socket.MSG_PEEK):
                method = beginning.decode().strip()
                self.take(method)(Exchange(self, connection))


class Exchange:
    """A request that has arrived, and the connection that its response goes to."""

    def __init__(self, server: FaultServer, connection: socket.socket) -> None:
        self.server = server
        self.connection = connection

    def read(self) -> "Callable[[], bytes]":
        """Read the request and return what does it."""
        with self.connection.makefile("rb") as stream:
            method, path, _ = stream.readline().decode().split(" ")
            lines = iter(stream.readline, b"\r\n")
            pairs = (line.decode().partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = stream.read(int(headers.get("content-length", 0)))
        return lambda: self.server.do(method, path, headers, body)

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)
        self.server.sent += len(content)

    def close(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Close the connection with RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def wait_until_left(self, seconds: float = _PATIENCE) -> bool:
        """Return whether the client has left within so long."""
        self.server.holding.set()
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable:
            self.server.left.set()
        return bool(readable)


Fault = Callable[[Exchange], None]
"""What is done with a request."""


def responds(exchange: Exchange) -> None:
    """Nothing is wrong."""
    exchange.send(exchange.read()())


def resets_unread(exchange: Exchange) -> None:
    exchange.reset()


def resets_undone(exchange: Exchange) -> None:
    exchange.read()
    exchange.reset()


def resets_done(exchange: Exchange) -> None:
    exchange.read()()
    exchange.reset()


def hangs_undone(exchange: Exchange) -> None:
    exchange.read()
    exchange.wait_until_left()


def hangs_done(exchange: Exchange) -> None:
    exchange.read()()
    exchange.wait_until_left()


def responds_half(exchange: Exchange) -> None:
    whole = exchange.read()()
    exchange.send(whole[:-10])
    exchange.close()


def holds_the_body(exchange: Exchange) -> None:
    """Responds with a head, and with a body only once the client has left."""
    head, _, _ = exchange.read()().partition(b"\r\n\r\n")
    exchange.send(head + b"\r\n\r\n")
    exchange.wait_until_left()


def drips(exchange: Exchange) -> None:
    """Responds so slowly that no byte is late and the whole is."""
    for number in exchange.read()():
        exchange.send(bytes([number]))
        if exchange.wait_until_left(0.05):
            return


def floods(exchange: Exchange) -> None:
    """Responds with 100 MB of JSON."""
    exchange.read()()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\nContent-Length: {HUGE}\r\n\r\n"
    exchange.send(head.encode() + b'{"tickets": "')
    part = b"x" * 2**16
    for _ in range(HUGE // len(part)):
        exchange.send(part)


def refuses(status: int, body: object = None, content_type: str = JSON, **more: str) -> Fault:
    """Return a fault that does nothing and says so."""

    def refuse(exchange: Exchange) -> None:
        exchange.read()
        exchange.send(exchange.server.response(status, body or {}, content_type, **more))

    return refuse


def garbles(content: bytes, content_type: str = JSON, status: int = 200) -> Fault:
    """Return a fault that does what is asked and responds with something else."""

    def garble(exchange: Exchange) -> None:
        exchange.read()()
        exchange.send(exchange.server.response(status, content, content_type))

    return garble


def mislabels(exchange: Exchange) -> None:
    """Gives the right response as plain text."""
    _, _, body = exchange.read()().partition(b"\r\n\r\n")
    exchange.send(exchange.server.response(200, body, "text/plain"))


def http_date(**later: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(**later), usegmt=True)


def unused_address() -> Iterator[str]:
    """Yield an address at which nobody listens, kept from others meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/api"
