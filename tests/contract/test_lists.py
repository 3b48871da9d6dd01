"""What a project's tickets are chosen and ordered by, and how many there are."""

from typing import Any

import pytest

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.errors import NotFound
from mcp_handoff.projects import CreateProject
from mcp_handoff.store import ticket_lists
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tickets import TicketPage
from tests import requests
from tests.clock import SteppedClock
from tests.contract.api import RemoteClock

RELEASER = Caller(bot("Releaser"), project="shop")
PERSON = Caller(Actor(role="user", source="portal", id="lead"), project="shop")

BOARD: tuple[tuple[int, Caller | None, dict[str, Any]], ...] = (
    (1, None, {"priority": "low"}),
    (2, RELEASER, {"priority": "high", "roles": ["backend", "qa"]}),
    (3, None, {"priority": "medium", "blocking": True}),
    (4, RELEASER, {"priority": "high", "request_type": "feature_request"}),
    (5, None, {"priority": "low", "blocking": True, "roles": ["qa"]}),
    (6, None, {"priority": "medium", "request_type": "feature_request"}),
)
"""Tickets by their numbers: who files them, None for the caller of the test, and as what."""

BY_URGENCY = [3, 5, 2, 4, 6, 1]


@pytest.fixture(autouse=True)
async def board(backend: Backend, caller: Caller, clock: SteppedClock | RemoteClock) -> None:
    for number, author, filed in BOARD:
        title = f"Ticket number {number}"
        await backend.create_ticket(author or caller, requests.create_ticket(title=title, **filed))
        clock.advance(hours=1)


async def pages(
    backend: Backend, caller: Caller, limit: int = 100, **filters: Any
) -> list[TicketPage]:
    """Return all pages of a list."""
    found: list[TicketPage] = []
    cursor = None
    while True:
        request = requests.find_tickets(limit=limit, cursor=cursor, **filters)
        found.append(await backend.find_tickets(caller, request))
        if (cursor := found[-1].next_cursor) is None:
            return found


async def numbers(
    backend: Backend, caller: Caller, limit: int = 100, **filters: Any
) -> list[int | None]:
    listed = await pages(backend, caller, limit, **filters)
    return [ticket.number for page in listed for ticket in page.tickets]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_the_most_urgent_come_first_on_pages_of_any_size(
    backend: Backend, caller: Caller, limit: int
) -> None:
    assert await numbers(backend, caller, limit, order="urgency") == BY_URGENCY
    assert await numbers(backend, caller, limit, order="urgency", blocking=False) == [2, 4, 6, 1]


async def test_no_ticket_is_lost_or_told_twice_while_others_are_filed(
    backend: Backend, caller: Caller
) -> None:
    found: list[int | None] = []
    cursor = None
    for count in range(len(BOARD)):
        request = requests.find_tickets(limit=1, order="urgency", cursor=cursor)
        page = await backend.find_tickets(caller, request)
        found += [ticket.number for ticket in page.tickets]
        cursor = page.next_cursor
        title = f"Filed after {count}"
        request = requests.create_ticket(title=title, priority="high", blocking=True)
        await backend.create_ticket(caller, request)
    assert found == BY_URGENCY


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"priority": "high"}, [2, 4]),
        ({"blocking": True}, [3, 5]),
        ({"blocking": True, "priority": "high"}, []),
        ({"blocking": False, "priority": "low"}, [1]),
        ({"author": "releaser"}, [2, 4]),
        ({"author": "RELEASER", "request_type": "feature_request"}, [4]),
        ({"author": "Release"}, []),
        ({"author": "releaser", "role": "qa"}, [2]),
        ({"author": "releaser", "role": "qa", "still_to_act": True, "stage": ["backlog"]}, [2]),
        ({"author": "releaser", "blocking": True}, []),
        ({"role": "merged", "request_type": "feature_request"}, [4, 6]),
        ({"role": "merged", "still_to_act": True, "author": "releaser"}, [2, 4]),
        ({"role": "design"}, []),
        ({"stage": ["backlog", "backlog"], "status": "open", "priority": "high"}, [2, 4]),
        ({"stage": ["live"], "status": "open"}, []),
        ({"stage": ["up_next", "live"]}, []),
        ({"status": "closed", "priority": "high"}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 100])
async def test_filters_choose_alone_and_together(
    backend: Backend, caller: Caller, filters: dict[str, Any], found: list[int], limit: int
) -> None:
    urgent = [number for number in BY_URGENCY if number in found]
    assert await numbers(backend, caller, limit, order="urgency", **filters) == urgent
    assert await numbers(backend, caller, limit, **filters) == sorted(found, reverse=True)


async def test_a_role_has_still_to_act_until_it_is_done(backend: Backend, caller: Caller) -> None:
    made = await backend.suggest_close(caller, requests.suggest_close(2))
    await backend.act_on_suggestion(caller, requests.execute(made.suggestion.id))
    assert 2 in await numbers(backend, caller, role="backend")
    assert 2 not in await numbers(backend, caller, role="backend", still_to_act=True)
    qa: dict[str, Any] = {"role": "qa", "still_to_act": True}
    assert await numbers(backend, caller, **qa, stage=["validation"]) == [2]
    assert await numbers(backend, caller, **qa) == [5, 2]
    assert await numbers(backend, caller, author="releaser", **qa) == [2]
    assert await numbers(backend, caller, author="releaser", role="backend", still_to_act=True) == [
        4
    ]


async def test_what_changed_since_an_instant_is_found(
    backend: Backend, caller: Caller, clock: SteppedClock | RemoteClock
) -> None:
    sixth = (await backend.get_ticket(caller, requests.get_ticket(6))).ticket.created_at
    assert sixth is not None
    assert await numbers(backend, caller, updated_since=sixth) == [6]
    await backend.trigger_bot_build(caller, requests.trigger_bot_build(1))
    assert await numbers(backend, caller, updated_since=sixth) == [6, 1]
    assert await numbers(backend, caller, updated_since=sixth, order="urgency") == [6, 1]
    assert await numbers(backend, caller, updated_since=sixth, priority="low") == [1]
    assert await numbers(backend, caller, updated_since="2001-01-01", author="releaser") == [4, 2]
    assert await numbers(backend, caller, updated_since="2101-01-01T00:00:00+14:00") == []


async def test_lists_tell_how_many_match(backend: Backend, caller: Caller) -> None:
    async def totals(**filters: Any) -> list[int | None]:
        return [page.total for page in await pages(backend, caller, 2, **filters)]

    assert await totals() == [6, 6, 6]
    assert await totals(order="urgency", blocking=False) == [4, 4]
    assert await totals(author="releaser") == [2]
    assert await totals(role="backend", author="releaser", updated_since="2001-01-01") == [2]
    assert await totals(status="closed") == [0]


async def test_suggestions_and_builds_tell_how_many_match(backend: Backend, caller: Caller) -> None:
    for number in (1, 2, 3):
        await backend.suggest_close(caller, requests.suggest_close(number))
        await backend.trigger_bot_build(caller, requests.trigger_bot_build(number))
    suggested = await backend.list_suggestions(caller, requests.list_suggestions(limit=2))
    assert (suggested.total, suggested.matching) == (2, 3)
    built = await backend.find_builds(caller, requests.find_builds(limit=2))
    assert (len(built.items), built.total) == (2, 3)
    rest = requests.find_builds(limit=2, cursor=built.next_cursor)
    assert (await backend.find_builds(caller, rest)).total == 3
    assert (await backend.find_builds(caller, requests.find_builds(status="failed"))).total == 0


async def test_a_project_without_tickets_is_told_from_one_where_none_match(
    backend: Backend, caller: Caller
) -> None:
    await backend.create_project(PERSON, CreateProject(name="empty"))
    nothing = await backend.find_tickets(Caller(caller.actor, "empty"), requests.find_tickets())
    assert (nothing.tickets, nothing.total, nothing.projects) == ([], 0, ["empty", "shop"])
    missed = await backend.find_tickets(caller, requests.find_tickets(priority="high", role="qa"))
    assert missed.projects is None


async def test_who_names_a_project_that_is_not_there_is_told_which_are(
    backend: Backend, caller: Caller
) -> None:
    with pytest.raises(NotFound, match="there is only shop"):
        await backend.find_tickets(caller, requests.find_tickets(project="shp"))
    for number in range(12):
        await backend.create_project(PERSON, CreateProject(name=f"a{number:02}"))
    with pytest.raises(NotFound, match=r"there are a00, .*, a09 and more\.") as refused:
        await backend.find_tickets(caller, requests.find_tickets(project="shp"))
    assert "a10" not in str(refused.value)


@pytest.mark.parametrize("order", ["newest", "urgency"])
async def test_lists_that_no_index_has_together_are_looked_through_page_by_page(
    backend: Backend, caller: Caller, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not isinstance(backend, StoreBackend):
        pytest.skip("the store behind the API is in another process")
    monkeypatch.setattr(ticket_lists, "SHORT", 1)
    monkeypatch.setattr(ticket_lists, "LOOKED_THROUGH", 2)
    filters: dict[str, Any] = {"author": "Releaser", "role": "backend", "order": order}
    expected = [2, 4] if order == "urgency" else [4, 2]
    for limit in (1, 100):
        assert await numbers(backend, caller, limit, **filters) == expected
    missed = await pages(
        backend, caller, author="Releaser", updated_since="2001-01-01", blocking=True
    )
    assert [page.tickets for page in missed] == [[]] * len(missed)
    assert await numbers(backend, caller, offset=1, **filters) == expected[1:]
