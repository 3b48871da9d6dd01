import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from tests import requests


@pytest.fixture(autouse=True)
async def board(backend: Backend, caller: Caller) -> None:
    """Five tickets; the first and the last two speak of code 2, and only ticket 3 is for qa."""
    titles = ("Exit code 2", "Slow start", "Slow end", "Exit code 2 again", "Code 2 once more")
    for number, title in enumerate(titles, start=1):
        roles = ["qa"] if number == 3 else ["backend"]
        await backend.create_ticket(caller, requests.create_ticket(title=title, roles=roles))


async def numbers(backend: Backend, caller: Caller, limit: int, **filters: str) -> list[int | None]:
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
    assert await numbers(backend, caller, 10, stage="backlog", query="exit") == [4, 1]
    assert await numbers(backend, caller, 10, status="closed") == []
