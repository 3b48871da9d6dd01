import base64
from typing import Any

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.tickets import TicketSummary
from tests import requests

SUMMARY = set(TicketSummary.model_fields)


@pytest.fixture(autouse=True)
async def board(backend: Backend, caller: Caller) -> None:
    """Five tickets; the first and the last two speak of code 2, and only ticket 3 is for qa."""
    titles = ("Exit code 2", "Slow start", "Slow end", "Exit code 2 again", "Code 2 once more")
    for number, title in enumerate(titles, start=1):
        roles = ["qa"] if number == 3 else ["backend"]
        await backend.create_ticket(caller, requests.create_ticket(title=title, roles=roles))


async def numbers(backend: Backend, caller: Caller, limit: int, **filters: Any) -> list[int | None]:
    """Return the numbers of all pages of a search."""
    found: list[int | None] = []
    cursor = None
    while True:
        request = requests.find_tickets(limit=limit, cursor=cursor, **filters)
        page = await backend.find_tickets(caller, request)
        found += [ticket.number for ticket in page.tickets]
        if (cursor := page.next_cursor) is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_ticket_named_by_its_number_comes_first_and_once(
    backend: Backend, caller: Caller, limit: int
) -> None:
    assert await numbers(backend, caller, limit, query="2") == [2, 5, 4, 1]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_hold_every_ticket_once_and_newest_first(
    backend: Backend, caller: Caller, limit: int
) -> None:
    assert await numbers(backend, caller, limit) == [5, 4, 3, 2, 1]
    assert await numbers(backend, caller, limit, query="slow") == [3, 2]


async def test_tickets_are_found_by_role_and_by_what_they_are(
    backend: Backend, caller: Caller
) -> None:
    assert await numbers(backend, caller, 10, role="qa") == [3]
    assert await numbers(backend, caller, 10, request_type="feature_request") == []
    assert await numbers(backend, caller, 10, stage=["backlog"], query="exit") == [4, 1]
    assert await numbers(backend, caller, 10, status="closed") == []


async def test_a_slim_page_leaves_the_long_texts_out_and_nothing_else(
    backend: Backend, caller: Caller
) -> None:
    for filters in ({}, {"query": "exit"}, {"query": "2"}):
        whole = await backend.find_tickets(caller, requests.find_tickets(**filters))
        slim = await backend.find_tickets(caller, requests.find_tickets(slim=True, **filters))
        assert [ticket.description for ticket in slim.tickets] == [None] * len(whole.tickets)
        summaries = [ticket.model_dump(include=SUMMARY) for ticket in whole.tickets]
        assert [ticket.model_dump(include=SUMMARY) for ticket in slim.tickets] == summaries
        authors = [ticket.author for ticket in whole.tickets]
        assert [ticket.author for ticket in slim.tickets] == authors


async def test_a_search_stays_in_its_project(backend: Backend, caller: Caller) -> None:
    app = Caller(caller.actor, project="app")
    await backend.create_ticket(app, requests.create_ticket(title="Exit code 2"))
    assert await numbers(backend, app, 10, query="exit") == [1]
    assert await numbers(backend, caller, 10, query="exit") == [4, 1]


async def test_a_forged_cursor_is_refused_wherever_it_points(
    backend: Backend, caller: Caller
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    for number in (0, 1, 2**63 - 1, 2**63, 2**64 - 1):
        forged = base64.urlsafe_b64encode(number.to_bytes(8, "big") + b"forged").decode()
        with pytest.raises(ValidationFailed, match="next_cursor"):
            await backend.find_tickets(caller, requests.find_tickets(cursor=forged))
