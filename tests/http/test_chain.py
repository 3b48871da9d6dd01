"""A server whose backend is another server's API."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.http.served import Served, command, make_project, make_token
from tests.mcp.agent import Agent
from tests.mcp.wire import environment

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def team(shared_store: Path) -> Iterator[Served]:
    """A server with a project and an agent's token."""
    make_project(shared_store, "shop")
    with Served(shared_store, token=make_token(shared_store, "ci-bot", "bot")) as running:
        yield running


@pytest.fixture
def settings(team: Served) -> dict[str, str]:
    """What makes it the backend of another server."""
    return {"HANDOFF_BACKEND": f"{team.url}/api", "HANDOFF_API_TOKEN": team.token}


async def test_an_agent_at_its_own_server_works_on_the_teams_store(
    settings: dict[str, str], store: Path
) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_handoff"], env=environment(store, **settings)
    )
    async with Client(server) as client:
        ticket = await Agent(client).file_ticket()
        triggered = await Agent(client).call("trigger_bot_build", ticket=1)
        filed = (await Agent(client).whole(ticket))["ticket"]
    assert (filed["actor_id"], filed["reference"]) == ("ci-bot", "HO-1-shop")
    assert triggered["status"] == "queued"


def test_check_tells_of_an_api_who_we_are_and_what_it_has(
    settings: dict[str, str], store: Path
) -> None:
    checked = command(store, "check", **settings)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "as                ci-bot, bot, all projects\n" in checked.stdout
    assert checked.stdout.count("works, ") == 4
    assert settings["HANDOFF_API_TOKEN"] not in checked.stdout
    refused = command(store, "check", **{**settings, "HANDOFF_API_TOKEN": "mho_wrong"})
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "token" in refused.stderr
