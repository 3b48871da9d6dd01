"""Open streams: what their subscribers hear of, by each way to speak MCP over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
from anyio.abc import ObjectReceiveStream
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import (
    EmptyResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
)

from tests.http.conftest import TRANSPORTS
from tests.http.served import Served, bearer, make_project, make_token
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET

BOARD = "handoff://tickets"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_whoever_is_limited_to_a_project_hears_nothing_of_another(
    store: Path, transport: str
) -> None:
    for project in ("shop", "secret"):
        make_project(store, project)
    limited = make_token(store, "ci-bot", "bot", "shop")
    with Served(store, token=make_token(store, "root", "admin")) as served:
        file_ticket(served, "shop", "The first")
        ticket = "handoff://tickets/HO-1-shop"
        async with hearing(served, limited, transport, BOARD, ticket) as heard:
            file_ticket(served, "secret", "Nobody's business")
            triggered = served.http.post("/api/projects/shop/tickets/1/trigger-bot-build", json={})
            assert triggered.status_code == 200
            with anyio.fail_after(TIMEOUT):
                assert await heard.receive() == ticket
                file_ticket(served, "shop", "The second")
                while (uri := await heard.receive()) == ticket:
                    pass
            assert uri == BOARD


def file_ticket(served: Served, project: str, title: str) -> None:
    body = {**TICKET, "title": title, "priority": "low", "blocking": False}
    filed = served.http.post(f"/api/projects/{project}/tickets", json=body)
    assert filed.status_code == 201


@asynccontextmanager
async def hearing(
    served: Served, token: str, transport: str, *uris: str
) -> AsyncGenerator[ObjectReceiveStream[str]]:
    """Watch addresses with a token; yield those that are heard of."""
    told, heard = anyio.create_memory_object_stream[str](100)

    async def note(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            told.send_nowait(message.params.uri)

    async with httpx2.AsyncClient(headers=bearer(token), timeout=TIMEOUT) as http:
        server = (
            sse_client(f"{served.url}/sse", headers=bearer(token))
            if transport == "sse"
            else streamable_http_client(f"{served.url}/mcp", http_client=http)
        )
        mode = "2026-07-28" if transport == "2026-07-28" else "legacy"
        async with told, heard, Client(server, mode=mode, message_handler=note) as client:
            if mode == "legacy":
                for uri in uris:
                    request = SubscribeRequest(params=SubscribeRequestParams(uri=uri))
                    await client.session.send_request(request, EmptyResult)
                yield heard
                return
            async with (
                client.listen(resource_subscriptions=[*uris]) as subscription,
                anyio.create_task_group() as group,
            ):

                async def pass_on() -> None:
                    async for event in subscription:
                        assert isinstance(event, ResourceUpdated)
                        told.send_nowait(event.uri)

                group.start_soon(pass_on)
                yield heard
                group.cancel_scope.cancel()
