"""A server whose backend is another server's API."""

import sys
from pathlib import Path

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.http.served import Served, command, make_token
from tests.mcp.desk import Desk
from tests.mcp.wire import environment


async def test_an_agent_at_its_own_server_works_on_the_teams_store(store: Path) -> None:
    token = make_token(store, "ci-bot", "--role", "bot")
    assert command(store, "project", "create", "shop").returncode == 0
    with Served(store) as team:
        settings = {"HANDOFF_BACKEND": f"{team.url}/api", "HANDOFF_API_TOKEN": token}
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "mcp_handoff"], env=environment(store, **settings)
        )
        async with Client(server) as client:
            ticket = await Desk(client).file_ticket()
            triggered = await Desk(client).call("trigger_bot_build", ticket=1)
    assert (ticket["actor_id"], ticket["reference"]) == ("ci-bot", "HO-1-shop")
    assert triggered["ticket"]["ai_output"]["build_run"]["status"] == "queued"


def test_check_tells_of_an_api_who_we_are_and_what_it_has(store: Path) -> None:
    token = make_token(store, "ci-bot", "--role", "bot")
    assert command(store, "project", "create", "shop").returncode == 0
    with Served(store) as team:
        settings = {"HANDOFF_BACKEND": f"{team.url}/api", "HANDOFF_API_TOKEN": token}
        checked = command(store, "check", **settings)
        assert (checked.returncode, checked.stderr) == (0, "")
        assert "as                ci-bot, bot, all projects\n" in checked.stdout
        assert checked.stdout.count("works, ") == 4
        assert token not in checked.stdout
        refused = command(store, "check", **{**settings, "HANDOFF_API_TOKEN": "mho_wrong"})
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert "token" in refused.stderr
