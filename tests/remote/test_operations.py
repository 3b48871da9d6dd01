"""The operations themselves, where no tool asks for so much."""

from collections.abc import AsyncIterator

import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Remote, Store
from mcp_handoff.remote.client import ApiClient
from mcp_handoff.remote.remote_backend import RemoteBackend
from mcp_handoff.tickets import FindTickets
from tests.remote.conftest import TOKEN
from tests.remote.stand_in import PROJECT
from tests.remote.stood_in import StandIn
from tests.requests import create_ticket

CALLER = Caller(bot("agent-1"), project=PROJECT)
TICKETS = f"/projects/{PROJECT}/tickets"


@pytest.fixture
async def remote(stand_in: StandIn) -> AsyncIterator[RemoteBackend]:
    """The documented APIs as a backend."""
    tickets, builds = ApiClient(stand_in.url, TOKEN), ApiClient(f"{stand_in.url}/v1", TOKEN)
    backend = RemoteBackend(tickets, builds)
    yield backend
    await backend.close()


async def test_tickets_are_listed_as_the_documented_page_has_it(
    remote: RemoteBackend, stand_in: StandIn
) -> None:
    await remote.find_tickets(CALLER, FindTickets(stage=["backlog", "live"], offset=20))
    assert stand_in.last()[1] == f"{TICKETS}?stage=backlog%2Clive&limit=1000&offset=20"
    whole = (await remote.find_tickets(CALLER, FindTickets())).tickets
    assert stand_in.last()[1] == f"{TICKETS}?limit=1000"
    assert [ticket.description for ticket in whole] == ["As long as it has to be."] * 2


async def test_tickets_are_chosen_by_request_type_though_the_api_does_not(
    remote: RemoteBackend,
) -> None:
    bugs = await remote.find_tickets(CALLER, FindTickets(request_type="bug"))
    wishes = await remote.find_tickets(CALLER, FindTickets(request_type="feature_request"))
    assert (len(bugs.tickets), wishes.tickets) == (2, [])


async def test_what_this_process_changes_is_published(remote: RemoteBackend) -> None:
    async with remote.changes() as changes:
        created = await remote.create_ticket(CALLER, create_ticket())
        change = await anext(changes)
    assert (change.kind, change.ticket_id) == ("ticket.created", created.ticket.id)


async def test_a_remote_backend_is_no_store_and_its_methods_keep_their_names(
    remote: RemoteBackend,
) -> None:
    assert isinstance(remote, Remote)
    assert not isinstance(remote, Store)
    methods = {name: value for name, value in vars(RemoteBackend).items() if callable(value)}
    assert [method.__name__ for method in methods.values()] == list(methods)
