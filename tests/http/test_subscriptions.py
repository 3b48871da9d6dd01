"""Who hears over HTTP of what was written at another door."""

import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import (
    EmptyResult,
    ResourceTemplateReference,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
)

from tests.http.served import Served, bearer, make_project, make_token
from tests.mcp.wire import INITIALIZE, TIMEOUT, request
from tests.requests import TICKET

BOARD = "handoff://tickets"
CROWD = 40
BODY: dict[str, Any] = {**TICKET, "priority": "low", "blocking": False}


async def test_a_listening_agent_hears_what_a_portal_writes(served: Served) -> None:
    async with (
        Client(f"{served.url}/mcp", mode="2026-07-28") as client,
        client.listen(resource_subscriptions=[BOARD]) as subscription,
    ):
        file_ticket(served, "shop")
        with anyio.fail_after(TIMEOUT):
            assert await anext(subscription) == ResourceUpdated(uri=BOARD)


async def test_all_of_a_crowd_hear_what_they_watch_and_nothing_else(served: Served) -> None:
    for _ in range(2):
        file_ticket(served, "shop")
    uris = [f"handoff://tickets/HO-{number}-shop" for number in (1, 2)]
    async with Client(f"{served.url}/mcp", mode="2026-07-28") as client, AsyncExitStack() as opened:
        streams = [
            (uri, await opened.enter_async_context(client.listen(resource_subscriptions=[uri])))
            for uri in uris * CROWD
        ]
        for number in (1, 2):
            path = f"/api/projects/shop/tickets/{number}/trigger-bot-build"
            assert served.http.post(path, json={}).status_code == 200
        with anyio.fail_after(TIMEOUT):
            for uri, stream in streams:
                assert await anext(stream) == ResourceUpdated(uri=uri)


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
async def test_a_session_of_the_handshake_era_hears_it_too(served: Served, path: str) -> None:
    heard = anyio.Event()

    async def note(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification) and message.params.uri == BOARD:
            heard.set()

    url = f"{served.url}{path}"
    server = sse_client(url) if path == "/sse" else url
    async with Client(server, mode="legacy", message_handler=note) as client:
        request = SubscribeRequest(params=SubscribeRequestParams(uri=BOARD))
        await client.session.send_request(request, EmptyResult)
        file_ticket(served, "shop")
        with anyio.fail_after(TIMEOUT):
            await heard.wait()


def test_what_changed_while_a_session_had_no_stream_it_is_told_once(served: Served) -> None:
    accepted = {"Accept": "application/json, text/event-stream"}
    opened = served.http.post("/mcp", json=request(0, "initialize", **INITIALIZE), headers=accepted)
    session = accepted | {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
    watching = request(1, "resources/subscribe", uri=BOARD)
    assert "result" in served.http.post("/mcp", json=watching, headers=session).text
    for attempt in range(2):
        file_ticket(served, "shop")
        file_ticket(served, "shop")
        with served.http.stream("GET", "/mcp", headers=session) as stream:
            told = [line for line in islice(stream.iter_lines(), 3) if line.startswith("data:")]
        assert BOARD in told[0], attempt


async def test_a_client_that_wants_to_resume_gets_a_new_stream(served: Served) -> None:
    accepted = {"Accept": "application/json, text/event-stream"}
    opened = served.http.post("/mcp", json=request(0, "initialize", **INITIALIZE), headers=accepted)
    session = {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"], "Last-Event-ID": "7"}
    with served.http.stream("GET", "/mcp", headers=accepted | session) as resumed:
        assert resumed.status_code == 200
        assert resumed.headers["Content-Type"].startswith("text/event-stream")


async def test_an_agent_hears_and_reads_nothing_of_anothers_project(store: Path) -> None:
    make_project(store, "app")
    limited = make_token(store, "ci-bot", "bot", "app")
    admin = make_token(store, "root", "admin")
    names = ["handoff://tickets/HO-1-shop", "handoff://tickets/HO-1-app"]
    template = ResourceTemplateReference(type="ref/resource", uri="handoff://tickets/{ref}")
    with Served(store, token=admin) as served:
        for project in ("shop", "app"):
            file_ticket(served, project)
        async with with_token(served, limited) as client:
            board = (await client.read_resource(BOARD)).contents[0].model_dump_json()
            offered = await client.complete(template, {"name": "ref", "value": ""})
            with pytest.raises(MCPError, match="is not here"):
                await client.read_resource(names[0])
            async with client.listen(resource_subscriptions=names) as subscription:
                for project in ("shop", "app"):
                    path = f"/api/projects/{project}/tickets/1/trigger-bot-build"
                    assert served.http.post(path, json={}).status_code == 200
                with anyio.fail_after(TIMEOUT):
                    assert await anext(subscription) == ResourceUpdated(uri=names[1])
    assert ("HO-1-app" in board, "HO-1-shop" in board) == (True, False)
    assert offered.completion.values == ["HO-1-app"]


def file_ticket(served: Served, project: str) -> None:
    """File a ticket over REST, in a project that is started with it."""
    served.http.post("/api/projects", json={"name": project})
    body = {**BODY, "title": f"Ticket of {time.monotonic()}"}
    assert served.http.post(f"/api/projects/{project}/tickets", json=body).status_code == 201


@asynccontextmanager
async def with_token(served: Served, token: str) -> AsyncGenerator[Client]:
    async with httpx2.AsyncClient(headers=bearer(token), timeout=TIMEOUT) as http:
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport) as client:
            yield client
