"""Streams that stay open: each ends with the token that it was opened with."""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff.admission import admission_of
from mcp_handoff.errors import HandoffError, Unauthenticated
from mcp_handoff.http.credentials import Credentials
from mcp_handoff.http.refusals import refuse_early
from mcp_handoff.mcp import transports
from mcp_handoff.portal.addresses import CHANGES
from mcp_handoff.principals import LOCAL, Principal
from mcp_handoff.tokens import TokenOperations

LOOK_SECONDS = 1.0
"""How often it is looked, while there are open streams, which of their tokens still hold."""

logger = logging.getLogger(__name__)


def opens_stream(scope: Scope) -> bool:
    """Tell by the head of a request whether it asks for a stream that stays open: of MCP, or for an
    open page."""
    return scope["path"] == CHANGES or transports.opens_stream(scope)


class OpenStreams:
    """Ends every stream within two seconds of its token's expiry or revocation, or its secret's
    rotation, whichever process did that; what was opened while nobody needed a token, of the first
    token's making.

    Without `credentials` nobody ever needs one.
    """

    def __init__(
        self, app: ASGIApp, tokens: TokenOperations | None, credentials: Credentials | None
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._credentials = credentials
        self._open: dict[anyio.CancelScope, Principal] = {}
        self._opened = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = admission_of(scope).principal
        if self._credentials is None or not opens_stream(scope):
            await self._app(scope, receive, send)
            return
        is_under_way = False

        async def send_noting(message: Message) -> None:
            nonlocal is_under_way
            is_start = message["type"] == "http.response.start"
            is_under_way = is_start or message.get("more_body", False)
            await send(message)

        with anyio.CancelScope() as stream:
            self._open[stream] = principal
            self._opened.set()
            try:
                await self._app(scope, receive, send_noting)
            finally:
                del self._open[stream]
        if stream.cancelled_caught and is_under_way:
            await send({"type": "http.response.body", "body": b""})
        elif stream.cancelled_caught:
            error = Unauthenticated("Whoever opened this stream is let in no longer.")
            refusal = refuse_early(error, scope)
            await refusal(scope, receive, send)

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None]:
        """End the streams whose tokens no longer hold while this is entered."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch)
            yield
            group.cancel_scope.cancel()

    async def _watch(self) -> None:
        while True:
            await self._opened.wait()
            while self._open:
                await anyio.sleep(LOOK_SECONDS)
                try:
                    await self._look()
                except HandoffError:
                    # What can't tell of a revocation tells of no change either.
                    logger.debug("the tokens of open streams can't be looked up", exc_info=True)
            self._opened = anyio.Event()

    async def _look(self) -> None:
        now, looked_at = time.time(), dict(self._open)
        own = {principal for principal in looked_at.values() if principal.expires_at is None}
        own.discard(LOCAL)
        let_in = frozenset[Principal]()
        if self._tokens and own:
            let_in = await self._tokens.still_let_in(own)
        if self._credentials is None or not await self._credentials.are_required():
            let_in |= {LOCAL}
        for stream, principal in looked_at.items():
            end = principal.expires_at
            if principal not in let_in if end is None else now >= end:
                stream.cancel()
