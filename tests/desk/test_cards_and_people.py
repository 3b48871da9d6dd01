"""What the portal reads of tickets' signals and of people is open to whoever sees the project."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.admission import Admission
from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import Forbidden, NotFound, Unsupported
from mcp_handoff.events import ListEvents
from mcp_handoff.people import ListPeople
from mcp_handoff.principals import ROLES, Principal, PrincipalRole
from mcp_handoff.remote.client import ApiClient
from mcp_handoff.remote.remote_backend import RemoteBackend
from mcp_handoff.signals import ListSignals
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.validation import Arguments
from tests import requests
from tests.databases import open_database

SETTINGS = read_settings({})
PEOPLE = Arguments(ListPeople, {"project": "shop"})
SIGNALS = Arguments(ListSignals, {"tickets": ["HO-1-shop"]})


@pytest.fixture
async def desk(store: Path, caller: Caller) -> AsyncIterator[Desk]:
    """A desk with a ticket in project shop."""
    backend = StoreBackend(open_database(str(store)))
    await backend.create_ticket(caller, requests.create_ticket())
    yield Desk(backend, SETTINGS)
    await backend.close()


def visitor(role: PrincipalRole, *projects: str) -> Visitor:
    """Return who comes with a token of this role, for these projects or for all."""
    principal = Principal(f"t-{role}", role, role, frozenset(projects) or None)
    return Visitor("portal", Actor("user", "portal"), Admission(principal), "shop")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("projects", [[], ["shop"]])
async def test_whoever_sees_a_project_reads_who_works_there_and_what_stands_beside_its_tickets(
    desk: Desk, role: PrincipalRole, projects: list[str]
) -> None:
    who = visitor(role, *projects)
    [person] = (await desk.list_people(who, PEOPLE)).people
    assert person.name == "agent-1 (bot), without a token"
    assert (await desk.list_signals(who, SIGNALS)).signals.keys() == {"HO-1-shop"}


@pytest.mark.parametrize("role", ROLES)
async def test_whoever_does_not_see_a_project_reads_neither(
    desk: Desk, role: PrincipalRole
) -> None:
    who = visitor(role, "app")
    elsewhere = Visitor(who.door, who.actor, who.admission, "app")
    with pytest.raises(NotFound):
        await desk.list_people(elsewhere, PEOPLE)
    assert (await desk.list_signals(elsewhere, SIGNALS)).signals == {}


@pytest.mark.parametrize("role", ["reader", "bot"])
async def test_whom_a_history_is_kept_from_reads_none_of_it_however_it_is_chosen(
    desk: Desk, role: PrincipalRole
) -> None:
    asked = Arguments(ListEvents, {"ticket": "HO-1-shop", "newest_first": True})
    with pytest.raises(Forbidden):
        await desk.list_events(visitor(role), asked)


async def test_a_server_on_an_api_tells_of_neither() -> None:
    api = "https://api.invalid"
    backend = RemoteBackend(ApiClient(api, None), ApiClient(api, None))
    remote = Desk(backend, SETTINGS)
    with pytest.raises(Unsupported):
        await remote.list_people(visitor("admin"), PEOPLE)
    with pytest.raises(Unsupported):
        await remote.list_signals(visitor("admin"), SIGNALS)
    await backend.close()
