"""Several clients of the handshake era on one server."""

from pathlib import Path

import anyio
from mcp import Client
from mcp_types import (
    EmptyResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)

from mcp_handoff import desk
from mcp_handoff.backend import Backend
from mcp_handoff.config import read_settings
from mcp_handoff.mcp.server import HandoffServer
from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT

BOARD = "handoff://tickets"


class Listener:
    """A client that notes how often it hears of the board."""

    def __init__(self, server: HandoffServer) -> None:
        self.heard = 0
        self.told = anyio.Event()
        self.client = Client(server, mode="legacy", message_handler=self._note)

    async def subscribe(self) -> None:
        request = SubscribeRequest(params=SubscribeRequestParams(uri=BOARD))
        await self.client.session.send_request(request, EmptyResult)

    async def unsubscribe(self) -> None:
        request = UnsubscribeRequest(params=UnsubscribeRequestParams(uri=BOARD))
        await self.client.session.send_request(request, EmptyResult)

    async def _note(self, message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification) and message.params.uri == BOARD:
            self.heard += 1
            self.told.set()


async def test_each_hears_of_a_change_until_it_unsubscribes(
    backend: Backend, tmp_path: Path
) -> None:
    settings = read_settings({}, tmp_path)
    server = HandoffServer(desk.Desk(backend, settings), settings)
    ada, eve = Listener(server), Listener(server)
    async with server.announcing(), ada.client, eve.client:
        with anyio.fail_after(TIMEOUT):
            await ada.subscribe()
            await eve.subscribe()
            await Agent(ada.client).file_ticket()
            await ada.told.wait()
            await eve.told.wait()
            await ada.unsubscribe()
            eve.told = anyio.Event()
            await Agent(ada.client).file_ticket(title="Another ticket")
            await eve.told.wait()
    assert (ada.heard, eve.heard) == (1, 2)
