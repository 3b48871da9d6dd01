"""How much a request may hold, and how long it may take to come."""

import asyncio
from io import BytesIO

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff.http.authentication import is_delivery, is_open, is_report
from mcp_handoff.http.operation import METRICS_PATH
from mcp_handoff.mcp.http_calls import received_before
from mcp_handoff.portal.addresses import SIGNING_IN

BODY_BYTES = 4 * 2**20
"""The most that a body may hold; the SDK's own limit is the same."""

REPORT_BYTES = 16 * 2**10
"""The most that a report on a run or a signing in may hold: whoever sends it need not have shown a
token yet."""

DELIVERY_BYTES = 25 * 2**20
"""The most that a delivery of a forge may hold, and that GitHub's does."""

LARGE_DELIVERIES = 2
"""How many deliveries of more than BODY_BYTES are in memory at once."""

PLACE_SECONDS = 5.0
"""How long one more of them waits: a forge gives up after 10."""

BODY_SECONDS = 15.0
"""How long it may take until it is there."""

_TOO_SLOW = PlainTextResponse(
    "The request's body took too long.", status_code=408, headers={"Connection": "close"}
)

_BUSY = PlainTextResponse(
    "Other long deliveries are being taken; deliver this one again later.",
    status_code=503,
    headers={"Connection": "close", "Retry-After": f"{BODY_SECONDS:.0f}"},
)


class BodyLimit:
    """Passes a request on once its whole body is there; to an address that takes none, without
    one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._large_deliveries = anyio.CapacityLimiter(LARGE_DELIVERIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, declared = scope["path"], Headers(scope=scope).get("content-length", "")
        limit = BODY_BYTES
        if is_report(path) or path in SIGNING_IN:
            limit = REPORT_BYTES
        elif is_delivery(path):
            limit = DELIVERY_BYTES
        elif is_open(path) or path == METRICS_PATH:
            limit = 0
        length = int(declared) if declared.isdecimal() else limit
        if length > limit:
            await _too_long(limit)(scope, receive, send)
        elif length <= BODY_BYTES:
            await self._pass_on(scope, receive, send, limit, BytesIO())
        else:
            await self._pass_on_large(scope, receive, send, length)

    async def _pass_on_large(self, scope: Scope, receive: Receive, send: Send, length: int) -> None:
        with anyio.move_on_after(PLACE_SECONDS) as waiting:
            await self._large_deliveries.acquire()
        if waiting.cancelled_caught:
            await _BUSY(scope, receive, send)
            return
        try:
            await self._pass_on(scope, receive, send, length, _reserved(length))
        finally:
            self._large_deliveries.release()

    async def _pass_on(
        self, scope: Scope, receive: Receive, send: Send, limit: int, buffer: BytesIO
    ) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(receive, limit, buffer)
        except TimeoutError:
            await _TOO_SLOW(scope, receive, send)
            return
        if body is None:
            await _too_long(limit)(scope, receive, send)
            return
        if body["type"] == "http.disconnect":
            return
        await self._app(scope, received_before(body, receive), send)


def _too_long(limit: int) -> PlainTextResponse:
    return PlainTextResponse(
        f"The request's body is longer than the {limit:,} bytes that this address takes.",
        status_code=413,
        headers={"Connection": "close"},
    )


def _reserved(length: int) -> BytesIO:
    """Return a buffer of that length: one that grows is copied, and is there twice meanwhile."""
    buffer = BytesIO()
    buffer.seek(length - 1)
    buffer.write(b"\0")
    buffer.seek(0)
    return buffer


async def _read(receive: Receive, limit: int, buffer: BytesIO) -> Message | None:
    """Return the whole body, held once, or that the client has left; None for a body that is too
    long."""
    while (message := await receive())["type"] == "http.request":
        if buffer.write(message.get("body", b"")) and buffer.tell() > limit:
            return None
        if not message.get("more_body", False):
            buffer.truncate()
            return {"type": "http.request", "body": buffer.getvalue(), "more_body": False}
    return message
