"""A receiver of dispatches: an HTTP server that answers as it is told and remembers what came."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from threading import Condition, Event, Thread
from types import TracebackType
from typing import Any, Self

from tests.mcp.wire import TIMEOUT


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver says; with `hangs` it says nothing until it is closed, with `endless` it
    goes on until it is cut off."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    hangs: bool = False
    endless: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What came."""

    headers: Mapping[str, str]
    body: str

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def data(self) -> dict[str, Any]:
        return self.told["data"]


class Receiver:
    """Gives its answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.messages: list[Message] = []
        self._answers: Sequence[Answer] = answers or (Answer(),)
        self._arrived = Condition()
        self._closing = Event()
        self.cut_off = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        # It looks so often whether it is to end: every test waits for that.
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def ids(self) -> list[str]:
        """Return the ids of what came, in the order in which it came."""
        return [message.headers["webhook-id"] for message in self.messages]

    def first(self) -> Message:
        """Wait for the first message and return it."""
        self.wait_for(1)
        return self.messages[0]

    def of_run(self, run_id: str) -> Message:
        """Wait for the message of a run and return it."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: run_id in self.ids(), TIMEOUT)
        assert came, "it did not come"
        return self.messages[self.ids().index(run_id)]

    def wait_for(self, count: int) -> None:
        """Wait until so many messages have come in all."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.messages) >= count, TIMEOUT)
        assert came, "nothing came"

    def take(self, message: Message) -> Answer:
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()
            return self._answers[min(len(self.messages), len(self._answers)) - 1]

    def pour(self, out: BufferedIOBase) -> None:
        try:
            while not self._closing.is_set():
                out.write(b"x" * 65_536)
        except ConnectionError:
            self.cut_off.set()

    def wait_for_the_end(self) -> None:
        self._closing.wait()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # its sender was killed meanwhile: nothing came
                named = {name.lower(): value for name, value in self.headers.items()}
                answer = receiver.take(Message(named, body.decode()))
                if answer.hangs:
                    receiver.wait_for_the_end()
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if answer.endless:
                    receiver.pour(self.wfile)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                """Say nothing."""

        return Handler
