"""The tickets of all projects in one list."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.principals import Principal
from mcp_handoff.projects import CreateProject
from tests import requests

PERSON = Caller(Actor(role="user", source="portal", id="lead"), project="shop")

FILED = ("shop", "app", "app", "shop", "web", *["app"] * 9, "shop")
"""The projects of the tickets, in the order in which those are filed; every third is for qa too."""

NEWEST_FIRST = [
    "HO-3-shop",
    *[f"HO-{number}-app" for number in range(11, 2, -1)],
    "HO-1-web",
    "HO-2-shop",
    "HO-2-app",
    "HO-1-app",
    "HO-1-shop",
]


@pytest.fixture(autouse=True)
async def filed(backend: Backend) -> None:
    for slug in ("app", "web", "none"):
        await backend.create_project(PERSON, CreateProject(name=slug))
    for place, project in enumerate(FILED):
        roles = ["backend"] if place % 3 else ["qa", "backend"]
        about = {"title": f"Ticket number {place}", "roles": roles, "project": project}
        await backend.create_ticket(PERSON, requests.create_ticket(**about))


async def references(
    backend: Backend, limit: int = 100, caller: Caller = PERSON, **filters: Any
) -> list[str | None]:
    """Return the references on all pages of a list."""
    found: list[str | None] = []
    cursor = None
    while True:
        request = requests.find_all_tickets(limit=limit, cursor=cursor, **filters)
        page = await backend.find_all_tickets(caller, request)
        assert len(page.tickets) <= limit
        found += [ticket.reference for ticket in page.tickets]
        if (cursor := page.next_cursor) is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 5, 14, 15, 2000])
async def test_the_newest_come_first_whatever_project_they_are_of_on_pages_of_any_size(
    backend: Backend, limit: int
) -> None:
    assert await references(backend, limit) == NEWEST_FIRST
    assert await references(backend, limit, slim=True) == NEWEST_FIRST


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_they_are_chosen_by_status_stage_and_role(backend: Backend, limit: int) -> None:
    made = await backend.suggest_close(PERSON, requests.suggest_close("HO-3-app"))
    await backend.act_on_suggestion(PERSON, requests.execute(made.suggestion.id, project="app"))
    for_qa = [
        reference
        for reference, place in zip(NEWEST_FIRST, range(14, -1, -1), strict=True)
        if place % 3 == 0
    ]
    assert await references(backend, limit, role="qa") == for_qa
    assert await references(backend, limit, status="closed") == ["HO-3-app"]
    assert await references(backend, limit, stage=["live", "validation"]) == ["HO-3-app"]
    assert await references(backend, limit, status="open", stage=["live"]) == []
    left = [reference for reference in NEWEST_FIRST if reference != "HO-3-app"]
    assert await references(backend, limit, status="open") == left
    assert await references(backend, limit, role="backend", stage=["backlog"]) == left


async def test_they_are_told_as_their_projects_list_tells_them(backend: Backend) -> None:
    for slim in (False, True):
        of_all = await backend.find_all_tickets(PERSON, requests.find_all_tickets(slim=slim))
        of_shop = await backend.find_tickets(PERSON, requests.find_tickets(slim=slim))
        shop = [ticket for ticket in of_all.tickets if (ticket.reference or "").endswith("-shop")]
        assert shop == of_shop.tickets


async def test_what_is_filed_meanwhile_moves_no_page_and_a_cursor_is_of_its_filters(
    backend: Backend,
) -> None:
    first = await backend.find_all_tickets(PERSON, requests.find_all_tickets(limit=3))
    for project in ("none", "shop"):
        about = {"title": f"Filed later in {project}", "project": project}
        await backend.create_ticket(PERSON, requests.create_ticket(**about))
    rest = requests.find_all_tickets(cursor=first.next_cursor)
    found = (await backend.find_all_tickets(PERSON, rest)).tickets
    assert [ticket.reference for ticket in found] == NEWEST_FIRST[3:]
    other = requests.find_all_tickets(cursor=first.next_cursor, role="qa")
    with pytest.raises(ValidationFailed, match="same filters"):
        await backend.find_all_tickets(PERSON, other)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_nobody_finds_those_of_a_project_that_it_may_not_see(backend: Backend) -> None:
    limited = Principal("t-1", "t-1", "user", frozenset({"web", "shop"}))
    found = await references(backend, 2, replace(PERSON, principal=limited))
    assert found == [one for one in NEWEST_FIRST if not one.endswith("-app")]
    nothing = Principal("t-2", "t-2", "user", frozenset())
    assert await references(backend, 2, replace(PERSON, principal=nothing)) == []
