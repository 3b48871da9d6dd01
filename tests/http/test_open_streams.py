"""Open streams whose tokens can't be looked up for a while."""

from collections.abc import Collection
from typing import cast

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from mcp_handoff.admission import Admission
from mcp_handoff.errors import BackendUnavailable, HandoffError
from mcp_handoff.http import streams
from mcp_handoff.http.credentials import Credentials
from mcp_handoff.http.streams import OpenStreams
from mcp_handoff.portal.addresses import CHANGES
from mcp_handoff.principals import Principal
from mcp_handoff.store.transaction import took_too_long
from mcp_handoff.tokens import TokenOperations
from tests.mcp.wire import TIMEOUT


class SlowTokens:
    """Tokens that can't be looked up the first time, and hold no longer by the second."""

    def __init__(self, error: HandoffError) -> None:
        self._errors = [error]

    async def still_let_in(self, principals: Collection[Principal]) -> frozenset[Principal]:
        if self._errors:
            raise self._errors.pop()
        return frozenset()


async def stay_open(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await anyio.sleep_forever()


async def receive_nothing() -> Message:
    return {"type": "http.request"}


@pytest.mark.parametrize("error", [took_too_long(), BackendUnavailable("It is gone.")])
async def test_a_stream_ends_though_its_token_could_not_be_looked_up_before(
    monkeypatch: pytest.MonkeyPatch, error: HandoffError
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0)
    tokens = cast(TokenOperations, SlowTokens(error))
    opened = OpenStreams(stay_open, tokens, Credentials(None, None))
    admission = Admission(Principal("t-1", "ci", "bot"))
    scope = {"type": "http", "path": CHANGES, "state": {"admission": admission}}
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with anyio.fail_after(TIMEOUT):
        async with opened.watched():
            await opened(scope, receive_nothing, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
