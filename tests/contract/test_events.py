"""A project's history, followed event by event."""

from typing import Any

import pytest

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import NotFound, ValidationFailed
from mcp_handoff.events import EventPage
from mcp_handoff.projects import CreateProject
from mcp_handoff.store import project_history
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests

PERSON = Caller(Actor(role="user", source="portal", id="lead"), project="shop")
"""Whoever may read a history, over the API too."""


@pytest.fixture(autouse=True)
async def told(backend: Backend, caller: Caller) -> None:
    """Do what leaves five events."""
    await backend.create_ticket(caller, requests.create_ticket())
    await backend.trigger_bot_build(caller, requests.trigger_bot_build(1))
    made = await backend.suggest_close(PERSON, requests.suggest_close(1))
    await backend.act_on_suggestion(PERSON, requests.decline(made.suggestion.id, reason="Not yet."))


KINDS = [
    "project.created",
    "ticket.created",
    "build.triggered",
    "suggestion.created",
    "suggestion.declined",
]


async def read(backend: Backend, cursor: str | None = None, limit: int = 50) -> EventPage:
    return await backend.list_events(PERSON, requests.list_events(cursor=cursor, limit=limit))


async def test_all_that_happened_in_a_project_is_told_oldest_first_with_who_did_what_to_what(
    backend: Backend,
) -> None:
    events = (await read(backend)).events
    ticket = (await backend.get_ticket(PERSON, requests.get_ticket(1))).ticket
    assert [event.kind for event in events] == KINDS
    assert [event.ticket for event in events] == [None, *["HO-1-shop"] * 4]
    filed, declined = events[1], events[4]
    assert (filed.actor_role, filed.actor_id, filed.source) == ("bot", "agent-1", "bot")
    assert filed.principal_id == ticket.principal_id is not None
    assert filed.principal_name == ticket.principal_name
    assert (filed.subject_id, filed.created_at) == (ticket.id, "2026-11-02T09:30:00.000Z")
    assert (declined.actor_role, declined.actor_id) == ("user", "lead")
    assert declined.before == {"status": "pending"}
    assert declined.after == {"status": "declined", "reason": "Not yet."}


async def test_what_is_reported_of_a_tickets_builds_is_told_too(
    backend: Backend, caller: Caller
) -> None:
    ticket = await backend.get_ticket(caller, requests.get_ticket(1))
    build = ticket.builds[0].id
    await backend.report_build(caller, requests.report_build("running", build_id=build))
    await backend.update_build(caller, requests.update_build(build, description="Nightly"))
    events = (await read(backend)).events[len(KINDS) :]
    assert [(event.kind, event.ticket) for event in events] == [
        ("build.running", "HO-1-shop"),
        ("build.updated", "HO-1-shop"),
    ]


async def test_a_role_that_is_set_to_in_progress_is_taken_as_any_other(
    backend: Backend, caller: Caller
) -> None:
    for role_status in ("in_progress", "pending", "in_progress"):
        turned = {"role": "backend", "role_status": role_status, "note": "The cart first."}
        await backend.update_ticket(caller, requests.update_ticket(1, **turned))
    events = (await read(backend)).events[len(KINDS) :]
    taken = [event.after or {} for event in events if event.kind == "ticket.taken"]
    assert [(after["role"], after["fence"]) for after in taken] == [("backend", 1), ("backend", 2)]
    assert {after["note"] for after in taken} == {"The cart first."}


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
async def test_whoever_follows_the_cursors_reads_each_event_once_and_goes_on_after_the_last(
    backend: Backend, caller: Caller, limit: int
) -> None:
    read_so_far: list[str] = []
    page = await read(backend, limit=limit)
    while page.events:
        assert len(page.events) <= limit
        read_so_far += [event.kind for event in page.events]
        page = await read(backend, page.next_cursor, limit)
    assert read_so_far == KINDS
    assert page.next_cursor
    await backend.create_ticket(caller, requests.create_ticket(title="Filed later on"))
    later = await read(backend, page.next_cursor, limit)
    assert [(event.kind, event.ticket) for event in later.events] == [
        ("ticket.created", "HO-2-shop")
    ]


async def test_a_history_has_nothing_of_another_project_and_its_cursors_lead_to_none(
    backend: Backend,
) -> None:
    shop = await read(backend)
    await backend.create_project(PERSON, CreateProject(name="app"))
    of_app = requests.list_events(project="app")
    [started] = (await backend.list_events(PERSON, of_app)).events
    assert (started.kind, started.after) == ("project.created", {"slug": "app", "name": "app"})
    assert await read(backend, shop.next_cursor) == EventPage(
        events=[], next_cursor=shop.next_cursor
    )
    elsewhere = requests.list_events(project="app", cursor=shop.next_cursor)
    with pytest.raises(ValidationFailed, match="same filters"):
        await backend.list_events(PERSON, elsewhere)
    with pytest.raises(NotFound):
        await backend.list_events(PERSON, requests.list_events(project="nowhere"))


async def chosen(backend: Backend, limit: int = 50, **filters: Any) -> list[list[str]]:
    """Return the kinds of the events of each page, to the last one that has any."""
    pages: list[list[str]] = []
    cursor = None
    while True:
        request = requests.list_events(limit=limit, cursor=cursor, **filters)
        page = await backend.list_events(PERSON, request)
        pages.append([event.kind for event in page.events])
        if page.next_cursor in (None, cursor):
            return pages if pages[-1] else pages[:-1]
        cursor = page.next_cursor


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
async def test_a_history_is_read_from_its_end_to_its_beginning(
    backend: Backend, limit: int
) -> None:
    pages = await chosen(backend, limit, newest_first=True)
    assert [kind for page in pages for kind in page] == KINDS[::-1]
    assert {len(page) for page in pages[:-1]} <= {limit}
    newest = await backend.list_events(PERSON, requests.list_events(newest_first=True, limit=2))
    with pytest.raises(ValidationFailed, match="same filters"):
        await read(backend, newest.next_cursor)


async def test_what_is_written_meanwhile_moves_no_page_that_is_read_from_the_end(
    backend: Backend, caller: Caller
) -> None:
    first = requests.list_events(newest_first=True, limit=2)
    cursor = (await backend.list_events(PERSON, first)).next_cursor
    await backend.create_ticket(caller, requests.create_ticket(title="Filed later on"))
    rest = requests.list_events(newest_first=True, cursor=cursor)
    told = await backend.list_events(PERSON, rest)
    assert ([event.kind for event in told.events], told.next_cursor) == (KINDS[2::-1], None)


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ({"ticket": 1}, KINDS[1:]),
        ({"ticket": "HO-1-shop", "topic": "build"}, ["build.triggered"]),
        ({"ticket": 2}, ["ticket.created"]),
        ({"topic": "ticket"}, ["ticket.created", "ticket.created"]),
        ({"topic": "project"}, ["project.created"]),
        ({"topic": "webhook"}, []),
        ({"author": "lead"}, ["suggestion.created", "suggestion.declined"]),
        ({"author": "agent-1", "topic": "build"}, ["build.triggered"]),
        ({"author": "Lead"}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 50])
async def test_a_history_is_chosen_from_by_ticket_topic_and_author(
    backend: Backend, caller: Caller, filters: dict[str, Any], kinds: list[str], limit: int
) -> None:
    await backend.create_ticket(caller, requests.create_ticket(title="The second one"))
    for newest_first in (False, True):
        pages = await chosen(backend, limit, newest_first=newest_first, **filters)
        told = [kind for page in pages for kind in page]
        assert told == (kinds[::-1] if newest_first else kinds)


async def test_what_was_done_with_a_credential_is_found_by_its_name(backend: Backend) -> None:
    [name] = {
        event.principal_name for event in (await read(backend)).events if event.actor_id == "lead"
    }
    told = await backend.list_events(PERSON, requests.list_events(author=name, topic="suggestion"))
    assert [event.kind for event in told.events] == KINDS[3:]


async def test_a_cursor_leads_through_the_events_of_its_own_ticket_alone(
    backend: Backend, caller: Caller
) -> None:
    await backend.create_ticket(caller, requests.create_ticket(title="The second one"))
    first = await backend.list_events(PERSON, requests.list_events(ticket=1, limit=1))
    other = requests.list_events(ticket=2, cursor=first.next_cursor)
    with pytest.raises(ValidationFailed, match="same filters"):
        await backend.list_events(PERSON, other)
    with pytest.raises(NotFound, match="ticket"):
        await backend.list_events(PERSON, requests.list_events(ticket=99))


@pytest.mark.parametrize("newest_first", [False, True])
async def test_a_page_looks_through_so_many_events_and_leads_on_to_the_rest(
    backend: Backend, newest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not isinstance(backend, StoreBackend):
        pytest.skip("the store behind the API is in another process")
    monkeypatch.setattr(project_history, "LOOKED_THROUGH", 2)
    pages = await chosen(backend, topic="build", newest_first=newest_first)
    assert pages == [[], ["build.triggered"]]
    pages = await chosen(backend, 1, topic="suggestion", newest_first=newest_first)
    assert [kind for page in pages for kind in page] == KINDS[3:][:: -1 if newest_first else 1]
