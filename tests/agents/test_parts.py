"""The parts of those who work, played through every door of real servers, each within its number
of calls; the colleague who answers, and looks at what was reached, comes over HTTP."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.agents.programs import ScriptedProgram
from tests.agents.scripted import Part, Player, ScriptedAgent
from tests.agents.work_tasks import PARTS
from tests.agents.world import furnish
from tests.databases import empty
from tests.http.served import Served, bearer, make_token
from tests.mcp.agent import Agent
from tests.mcp.conftest import ERAS, over_stdio
from tests.mcp.wire import TIMEOUT
from tests.rest.program import Program

pytestmark = pytest.mark.proof

DOORS = ("stdio", *ERAS, "rest")
"""How an agent comes to the desk; by HTTP in either era of MCP."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of project shop whose callers need a token."""
    store = tmp_path_factory.mktemp("shared") / "handoff.db"
    with Served(store, token=make_token(store, "colleague", "bot")) as served:
        yield served


@pytest.fixture(scope="module")
def token(running: Served) -> str:
    """The token of whoever plays a part."""
    return make_token(running.store, "player", "bot")


@pytest.fixture
async def world(running: Served) -> Served:
    """The server, with the tickets, builds and proposals at which every part begins."""
    empty(running.store)
    await furnish(running.store.parent)
    return running


@pytest.fixture(params=DOORS)
async def player(
    world: Served, token: str, request: pytest.FixtureRequest
) -> AsyncIterator[Player]:
    """Whoever plays a part, at its door; over stdio by a server of its own on the same store."""
    if request.param == "stdio":
        async with Client(over_stdio(world.store)) as client:
            yield ScriptedAgent(client, "structured")
    elif request.param == "rest":
        async with client_with(world, token) as http:
            yield ScriptedProgram(Program(http))
    else:
        async with spoken_to(world, token, request.param) as client:
            yield ScriptedAgent(client, "structured")


@asynccontextmanager
async def client_with(served: Served, token: str) -> AsyncGenerator[httpx2.AsyncClient]:
    """Yield an HTTP client of the server."""
    headers = bearer(token)
    async with httpx2.AsyncClient(base_url=served.url, headers=headers, timeout=TIMEOUT) as http:
        yield http


@asynccontextmanager
async def spoken_to(served: Served, token: str, era: str = ERAS[0]) -> AsyncGenerator[Client]:
    """Yield a client of the server's MCP over HTTP."""
    async with client_with(served, token) as http:
        transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
        async with Client(transport, mode=era) as client:
            yield client


@pytest.mark.parametrize("part", PARTS, ids=[part.__name__ for part in PARTS])
async def test_a_part_is_played_within_its_calls_through_every_door(
    player: Player, world: Served, part: Part
) -> None:
    async with spoken_to(world, world.token) as colleague:
        await part(player, Agent(colleague))
    assert player.calls <= PARTS[part]
