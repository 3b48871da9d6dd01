"""Open streams: what their subscribers hear of, and when they end, by each way to speak MCP over
HTTP."""

import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
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

from mcp_handoff.http.oauth import LEEWAY_SECONDS
from mcp_handoff.tokens import RevokeToken, RotateToken
from tests.databases import in_store
from tests.http.conftest import TRANSPORTS
from tests.http.issuer import Issuer
from tests.http.served import OPERATOR, Served, bearer, make_project, make_token
from tests.mcp.wire import INITIALIZE, TIMEOUT, enveloped, request
from tests.requests import TICKET

pytestmark = pytest.mark.proof

AUDIENCE = "https://desk.example/mcp"
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


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_ends_with_its_token_whichever_process_revoked_it(
    store: Path, transport: str
) -> None:
    make_project(store, "shop")
    token = make_token(store, "ci-bot", "bot")
    other = make_token(store, "other", "bot")
    with (
        Served(store, token=token) as served,
        opened(served, token, transport) as ends,
        opened(served, other, "2026-07-28") as goes_on,
    ):
        revoke_token(store, "ci-bot")
        assert until_the_end(ends) == []
        assert served.http.get("/api/projects").status_code == 401
        served.http.headers.update(bearer(other))
        file_ticket(served, "shop", "The first")
        assert next(goes_on) == "event: message"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_ends_with_the_secret_that_it_was_opened_with(store: Path, transport: str) -> None:
    make_project(store, "shop")
    token = make_token(store, "ci-bot", "bot")
    with Served(store, token=token) as served, opened(served, token, transport) as ends:
        anew = in_store(store, lambda it: it.rotate_token(OPERATOR, RotateToken(token="ci-bot")))
        with opened(served, anew.secret, "2026-07-28") as goes_on:
            assert until_the_end(ends) == []
            served.http.headers.update(bearer(anew.secret))
            file_ticket(served, "shop", "The first")
            assert next(goes_on) == "event: message"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_ends_when_its_access_token_does(store: Path, transport: str) -> None:
    with Issuer() as issuer:
        settings = {"HANDOFF_OAUTH_ISSUER": issuer.url, "HANDOFF_OAUTH_AUDIENCE": AUDIENCE}
        with Served(store, **settings) as served:
            token = issuer.token(AUDIENCE, exp=int(time.time()) - LEEWAY_SECONDS // 2)
            with opened(served, token, transport) as ends:
                assert until_the_end(ends) == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_of_the_time_without_tokens_ends_with_the_first(
    store: Path, transport: str
) -> None:
    with Served(store) as served, opened(served, "", transport) as ends:
        make_token(store, "first", "bot")
        assert until_the_end(ends) == []


def revoke_token(store: Path, name: str) -> None:
    request = RevokeToken(token=name)
    in_store(store, lambda opened: opened.revoke_token(OPERATOR, request))


@contextmanager
def opened(served: Served, token: str, transport: str) -> Generator[Iterator[str]]:
    """Open a stream, with a token if there is one; yield the lines that come once it stands."""
    accepted = {"Accept": "application/json, text/event-stream"} | (bearer(token) if token else {})
    method, path, headers, body = "GET", "/mcp", accepted, None
    match transport:
        case "sse":
            path = "/sse"
        case "legacy":
            initialize = request(0, "initialize", **INITIALIZE)
            begun = served.http.post("/mcp", json=initialize, headers=accepted)
            headers |= {"Mcp-Session-Id": begun.headers["Mcp-Session-Id"]}
        case _:
            watched = {"resourceSubscriptions": [BOARD]}
            method, body = "POST", enveloped(1, "subscriptions/listen", notifications=watched)
            headers |= {
                "Mcp-Method": "subscriptions/listen",
                "Mcp-Protocol-Version": "2026-07-28",
            }
    with served.http.stream(method, path, json=body, headers=headers) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        if transport != "legacy":  # what is sent at once, and its empty line
            list(islice(lines, 3))
        yield lines


def until_the_end(lines: Iterator[str]) -> list[str]:
    """Return what still comes: a stream that goes on has its first ping after 15 seconds."""
    return list(islice(lines, 1))


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
                    watching = SubscribeRequest(params=SubscribeRequestParams(uri=uri))
                    await client.session.send_request(watching, EmptyResult)
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
