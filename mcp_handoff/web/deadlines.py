"""How long a client may take to say what it wants: a slow or silent one is let go."""

import asyncio
from typing import Any

import anyio
import h11
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""How long the head of a request may take."""

BODY_SECONDS = 30.0
"""How long its body may take."""


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose next request does not get on."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait_for_head()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class BodyDeadline:
    """Passes a request on once its body is there; its size was limited before."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body: Message | None = None
        with anyio.move_on_after(BODY_SECONDS):
            body = await _whole(receive)
        if body is None:
            refusal = PlainTextResponse("The request's body took too long.", status_code=408)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, _first(body, receive), send)


async def _whole(receive: Receive) -> Message:
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return {"type": "http.request", "body": bytes(body), "more_body": False}
    return message


def _first(message: Message, receive: Receive) -> Receive:
    waiting = [message]

    async def receiving() -> Message:
        return waiting.pop() if waiting else await receive()

    return receiving
