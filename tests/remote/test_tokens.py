"""Where a token goes, and where it never does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from mcp_handoff.config import read_settings
from tests.mcp.agent import Agent
from tests.remote.conftest import TOKEN, OpenDesk
from tests.remote.impostor import Impostor
from tests.remote.outcomes import outcome
from tests.remote.stand_in import BUILD, TICKET
from tests.remote.stood_in import StandIn, started
from tests.test_start import run

pytestmark = pytest.mark.proof

BUILDS_TOKEN = "builds-secret-2"
TICKETS_BEARER, BUILDS_BEARER = f"Bearer {TOKEN}", f"Bearer {BUILDS_TOKEN}"


@pytest.fixture(scope="module")
def shared_elsewhere() -> Iterator[StandIn]:
    with StandIn(BUILDS_TOKEN) as running:
        yield running


@pytest.fixture
def elsewhere(shared_elsewhere: StandIn) -> StandIn:
    """A second host, which knows the other token."""
    shared_elsewhere.begin_anew()
    return shared_elsewhere


async def use_both(server: StdioServerParameters) -> list[str]:
    """Ask both APIs for something; return how each call ended."""
    async with Client(server) as client:
        return [
            await outcome(Agent(client), "find_tickets"),
            await outcome(Agent(client), "update_build", build_id=BUILD, is_active=True),
        ]


async def test_the_builds_api_stands_below_the_ticket_api_and_takes_its_token(
    stand_in: StandIn,
) -> None:
    assert await use_both(started(stand_in, TOKEN)) == ["OK", "OK"]
    assert stand_in.last()[1] == f"/v1/org/default/builds/{BUILD}"
    assert stand_in.tokens() == {TICKETS_BEARER}


async def test_each_api_gets_its_own_token(stand_in: StandIn, elsewhere: StandIn) -> None:
    builds = {"HANDOFF_BUILDS_API": f"{elsewhere.url}/v1", "HANDOFF_BUILDS_TOKEN": BUILDS_TOKEN}
    assert await use_both(started(stand_in, TOKEN, **builds)) == ["OK", "OK"]
    assert (stand_in.tokens(), elsewhere.tokens()) == ({TICKETS_BEARER}, {BUILDS_BEARER})


async def test_the_builds_api_may_have_a_token_of_its_own_on_the_same_host(
    stand_in: StandIn,
) -> None:
    server = started(stand_in, TOKEN, HANDOFF_BUILDS_TOKEN=BUILDS_TOKEN)
    assert await use_both(server) == ["OK", "UNAUTHENTICATED"]
    assert stand_in.tokens() == {TICKETS_BEARER, BUILDS_BEARER}


async def test_another_host_without_a_token_of_its_own_gets_none(
    stand_in: StandIn, elsewhere: StandIn
) -> None:
    server = started(stand_in, TOKEN, HANDOFF_BUILDS_API=f"{elsewhere.url}/v1")
    assert await use_both(server) == ["OK", "UNAUTHENTICATED"]
    assert elsewhere.tokens() == {None}


async def test_nothing_is_told_to_a_host_whose_certificate_nobody_vouches_for(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    with Impostor(tmp_path) as impostor:
        async with open_desk(impostor.url) as desk:
            assert await outcome(desk, "find_tickets") == "BACKEND_UNAVAILABLE"
    assert impostor.heard == [b""] * len(impostor.heard) != []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(
    desk: Agent, stand_in: StandIn, elsewhere: StandIn, status: int
) -> None:
    stand_in.respond_next(status, {}, Location=f"{elsewhere.url}/tickets")
    assert (await desk.refusal("find_tickets", {}))["code"] == "BACKEND_UNAVAILABLE"
    stand_in.respond_next(status, {}, Location=f"{elsewhere.url}/tickets")
    error = await desk.refusal("trigger_bot_build", {"ticket": TICKET})
    assert error["code"] == "OUTCOME_UNKNOWN"
    assert elsewhere.origin not in str(error)
    assert (elsewhere.requests(), len(stand_in.requests())) == ([], 2)


async def test_what_goes_over_http_goes_past_no_proxy(
    stand_in: StandIn, elsewhere: StandIn
) -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), elsewhere.origin)
    assert await use_both(started(stand_in, TOKEN, **proxies, NO_PROXY="")) == ["OK", "OK"]
    assert elsewhere.requests() == []


async def test_no_log_holds_a_token_however_much_is_logged(
    stand_in: StandIn, tmp_path: Path
) -> None:
    server = started(stand_in, TOKEN, HANDOFF_LOG_LEVEL="DEBUG", HANDOFF_BUILDS_TOKEN=BUILDS_TOKEN)
    log = tmp_path / "log"
    with log.open("w") as errlog:
        async with Client(stdio_client(server, errlog=errlog)) as client:
            desk = Agent(client)
            await desk.call("find_tickets")
            for tool, arguments in (
                ("update_build", {"build_id": BUILD, "is_active": True}),
                ("trigger_bot_build", {"ticket": 99}),
            ):
                await desk.refusal(tool, arguments)
    written = log.read_text()
    assert "httpcore2" in written
    assert TOKEN not in written
    assert BUILDS_TOKEN not in written


def test_settings_show_no_token(tmp_path: Path) -> None:
    values = {"HANDOFF_API_TOKEN": TOKEN, "HANDOFF_BUILDS_TOKEN": BUILDS_TOKEN}
    settings = read_settings(values, tmp_path)
    assert (settings.api_token, settings.builds_token) == (TOKEN, BUILDS_TOKEN)
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("name", ["HANDOFF_BACKEND", "HANDOFF_BUILDS_API"])
@pytest.mark.parametrize(
    "address",
    [
        "http://desk.example/api",
        "http://192.168.1.7/api",
        "http://127.0.0.1.example/api",
        "https://ada:secret@desk.example/api",
        "https://desk.example:99999/api",
        "https://",
    ],
)
def test_an_address_that_is_not_safe_stops_the_start_with_one_line(
    store: Path, name: str, address: str
) -> None:
    backend = {"HANDOFF_BACKEND": "https://desk.example/api", name: address}
    stopped = run(store, **backend, HANDOFF_API_TOKEN=TOKEN)
    assert (stopped.returncode, stopped.stdout) == (2, "")
    assert stopped.stderr.count("\n") == 1
    assert name in stopped.stderr
    assert "secret" not in stopped.stderr


@pytest.mark.parametrize("name", ["HANDOFF_API_TOKEN", "HANDOFF_BUILDS_TOKEN"])
@pytest.mark.parametrize("token", ["two words", "a\nX-Admin: secret", "tökén"])
def test_a_token_that_no_header_can_hold_stops_the_start_and_is_not_shown(
    store: Path, name: str, token: str
) -> None:
    stopped = run(store, **{name: token})
    assert (stopped.returncode, stopped.stderr.count("\n")) == (2, 1)
    assert name in stopped.stderr
    assert not any(word in stopped.stderr for word in ("two words", "secret", "tökén"))
