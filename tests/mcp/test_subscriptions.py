"""Several clients of the handshake era on one server."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    JSONRPCMessage,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
    jsonrpc_message_adapter,
)

from mcp_handoff import desk
from mcp_handoff.backend import Backend
from mcp_handoff.config import read_settings
from mcp_handoff.events import Change
from mcp_handoff.mcp.outgoing import Outgoing
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.subscriptions import URI_LENGTH, WATCHED
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Database
from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT, handshake, request

BOARD = "handoff://tickets"
UPDATED = "notifications/resources/updated"
MANY = 40


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


class Followed(StoreBackend):
    """A store that tells whether anybody follows its changes `now`; who `asked` to has to wait
    until that `may_begin`."""

    now = False
    ended: anyio.Event

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked, self.may_begin = anyio.Event(), anyio.Event()
        self.may_begin.set()

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Change]]:
        self.asked.set()
        await self.may_begin.wait()
        self.now, self.ended = True, anyio.Event()
        async with super().changes() as changes:
            try:
                yield changes
            finally:
                self.now = False
                self.ended.set()


class Reader(Outgoing):
    """The end of a wire that reads what it is sent while `reads` is set."""

    def __init__(self) -> None:
        super().__init__(self._note)
        self.read: list[Any] = []
        self.reads = anyio.Event()
        self.reads.set()
        self._more = anyio.Event()

    async def send(self, item: SessionMessage, /) -> None:
        await self.reads.wait()
        await super().send(item)

    async def has_read(self, count: int) -> None:
        while len(self.read) < count:
            self._more = anyio.Event()
            await self._more.wait()

    def _note(self, message: JSONRPCMessage) -> None:
        self.read.append(message)
        self._more.set()


@pytest.fixture
def server(backend: Backend) -> HandoffServer:
    return serving(backend)


@pytest.fixture
def followed(backend: StoreBackend) -> Followed:
    return Followed(backend.database)


def serving(backend: Backend) -> HandoffServer:
    settings = read_settings({"HANDOFF_PROJECT": "shop"})
    return HandoffServer(Toolbox(desk.Desk(backend, settings), settings))


async def test_each_hears_of_a_change_until_it_unsubscribes(server: HandoffServer) -> None:
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


async def test_changes_are_followed_as_long_as_somebody_subscribes(followed: Followed) -> None:
    server = serving(followed)
    ada = Listener(server)
    async with server.announcing(), ada.client:
        await Agent(ada.client).file_ticket()
        assert not followed.now
        for _ in range(2):
            await ada.subscribe()
            assert followed.now
            await ada.unsubscribe()
            with anyio.fail_after(TIMEOUT):
                await followed.ended.wait()
            assert not followed.now


async def test_a_stream_that_listens_to_nothing_has_nothing_followed(followed: Followed) -> None:
    server = serving(followed)
    async with server.announcing(), Client(server, mode="2026-07-28") as client:
        async with client.listen(tools_list_changed=True):
            assert not followed.asked.is_set()
        async with client.listen(resource_subscriptions=[BOARD]):
            assert followed.now


async def test_who_unsubscribes_before_its_subscription_has_begun_gets_both_answers(
    followed: Followed,
) -> None:
    server = serving(followed)
    ada = Listener(server)
    followed.may_begin = anyio.Event()
    async with server.announcing(), ada.client, anyio.create_task_group() as group:
        with anyio.fail_after(TIMEOUT):
            group.start_soon(ada.subscribe)
            await followed.asked.wait()
            await ada.unsubscribe()
    assert not followed.now


async def test_one_that_does_not_read_keeps_nobody_waiting_and_is_told_once_of_much(
    server: HandoffServer,
) -> None:
    eve, ada = Listener(server), Reader()
    says, hears = anyio.create_memory_object_stream[SessionMessage | Exception](3)
    async with says, hears, server.announcing(), eve.client, anyio.create_task_group() as group:
        group.start_soon(server.serve_streams, hears, ada)
        with anyio.fail_after(TIMEOUT):
            for message in (*handshake(), request(1, "resources/subscribe", uri=BOARD)):
                await says.send(SessionMessage(jsonrpc_message_adapter.validate_python(message)))
            await ada.has_read(2)
            ada.reads = anyio.Event()
            await eve.subscribe()
            for number in range(MANY):
                eve.told = anyio.Event()
                await Agent(eve.client).file_ticket(title=f"Ticket {number}")
                await eve.told.wait()
            ada.reads.set()
            await ada.has_read(4)
            ping = jsonrpc_message_adapter.validate_python(request(2, "ping"))
            await says.send(SessionMessage(ping))
            await ada.has_read(5)
        group.cancel_scope.cancel()
    assert eve.heard == MANY
    assert [message.method for message in ada.read[2:4]] == [UPDATED, UPDATED]
    assert ada.read[4].id == 2


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_what_is_watched_at_once_has_a_number_and_a_length(
    server: HandoffServer, mode: str
) -> None:
    async with Client(server, mode=mode) as client:
        agent = Agent(client)
        filed = [await agent.file_ticket(title=f"Fault {number}") for number in range(WATCHED)]
        uris = [BOARD, *(f"handoff://tickets/{ticket}" for ticket in filed)]
        for asked, words in (
            ([f"handoff://tickets/{'x' * URI_LENGTH}"], f"{URI_LENGTH} at most"),
            (uris, f"{WATCHED} are watched at once"),
        ):
            with pytest.raises(MCPError, match=words) as refused:
                await watch(client, mode, asked)
            assert refused.value.error.code == INVALID_PARAMS
        await watch(client, mode, uris[:WATCHED])


async def watch(client: Client, mode: str, uris: list[str]) -> None:
    if mode != "legacy":
        async with client.listen(resource_subscriptions=uris):
            return
    for uri in uris:
        request = SubscribeRequest(params=SubscribeRequestParams(uri=uri))
        await client.session.send_request(request, EmptyResult)
