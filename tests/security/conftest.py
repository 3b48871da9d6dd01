"""A server with tokens over each database, and clients that come to it by each door."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

from tests.http.served import Served, bearer
from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT
from tests.postgres import Server
from tests.rest.program import Program


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the store of a server is that a module's tests share: a file or a URL."""
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("shared") / "handoff.db")
        return
    server: Server = request.getfixturevalue("postgres_server")
    with server.schema() as url:
        yield url


@pytest.fixture(params=["rest", "mcp"])
def door(request: pytest.FixtureRequest) -> str:
    """The way by which a client comes."""
    return request.param


@asynccontextmanager
async def at_desk(
    served: Served, door: str, token: str, name: str = "agent"
) -> AsyncGenerator[Agent | Program]:
    """Come by a door with a token; over MCP the client says that it is called `name`."""
    headers = bearer(token)
    async with httpx2.AsyncClient(base_url=served.url, headers=headers, timeout=TIMEOUT) as http:
        if door == "rest":
            yield Program(http)
            return
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport, client_info=Implementation(name=name, version="1")) as client:
            yield Agent(client)
