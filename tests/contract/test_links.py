"""What blocks what, over every backend."""

import asyncio
from typing import Any

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import HandoffError, NotFound, ValidationFailed
from tests import requests


@pytest.fixture(autouse=True)
async def tickets(backend: Backend, caller: Caller) -> None:
    """Tickets 1 to 4, the second and third blocked by the first."""
    for number in range(1, 5):
        blockers = {"blocked_by": [1]} if number in (2, 3) else {}
        await backend.create_ticket(
            caller, requests.create_ticket(title=f"Step number {number}", **blockers)
        )


async def ready(backend: Backend, caller: Caller) -> list[int]:
    request = requests.find_tickets(ready=True, role="backend", status="open")
    return sorted(one.number or 0 for one in (await backend.find_tickets(caller, request)).tickets)


async def test_what_is_blocked_is_not_ready_until_its_blocker_closes(
    backend: Backend, caller: Caller
) -> None:
    assert await ready(backend, caller) == [1, 4]
    detail = await backend.get_ticket(caller, requests.get_ticket(2))
    assert [(one.reference, one.status) for one in detail.blocked_by] == [("HO-1-shop", "open")]
    first = await backend.get_ticket(caller, requests.get_ticket(1))
    assert {one.reference for one in first.blocks} == {"HO-2-shop", "HO-3-shop"}
    closing = requests.update_ticket(1, close_as="already_done", note="It is in the release.")
    await backend.update_ticket(
        caller, requests.update_ticket(1, role="backend", role_status="done", note="By design.")
    )
    closed = await backend.update_ticket(caller, closing)
    assert set(closed.unblocked) == {"HO-2-shop", "HO-3-shop"}
    assert await ready(backend, caller) == [2, 3, 4]
    detail = await backend.get_ticket(caller, requests.get_ticket(2))
    assert detail.events[0].kind == "ticket.unblocked"
    taken = await backend.take_ticket(caller, requests.take_ticket("backend", ticket=2))
    notes = [(note.ticket, note.body) for note in taken.detail.notes]
    assert notes == [("HO-1-shop", "It is in the release."), ("HO-1-shop", "By design.")]


async def test_what_is_opened_again_blocks_again(backend: Backend, caller: Caller) -> None:
    await backend.update_ticket(
        caller, requests.update_ticket(1, close_as="wont_fix", note="Nobody needs it.")
    )
    assert await ready(backend, caller) == [2, 3, 4]
    await backend.update_ticket(caller, requests.update_ticket(1, stage="backlog"))
    assert await ready(backend, caller) == [4]


async def test_what_waits_for_open_tickets_is_listed_with_any_other_filter_and_counted(
    backend: Backend, caller: Caller
) -> None:
    async def blocked(**filters: Any) -> list[int | None]:
        request = requests.find_tickets(blocked=True, **filters)
        page = await backend.find_tickets(caller, request)
        assert (page.next_cursor, page.total) == (None, len(page.tickets))
        return [ticket.number for ticket in page.tickets]

    await backend.update_ticket(caller, requests.update_ticket(3, priority="high"))
    assert await blocked() == [3, 2]
    assert await blocked(order="urgency", status="open", stage=["backlog"]) == [3, 2]
    assert await blocked(role="backend", still_to_act=True, author="agent-1") == [3, 2]
    assert await blocked(priority="medium", request_type="bug") == [2]
    assert await blocked(ready=True) == await blocked(taken_by="anyone") == []
    assert await blocked(stage=["validation"]) == []
    first = await backend.find_tickets(caller, requests.find_tickets(blocked=True, limit=1))
    assert (first.total, first.next_cursor is None) == (2, False)
    found = await backend.find_tickets(caller, requests.find_tickets(blocked=True, query="step"))
    assert {ticket.number for ticket in found.tickets} == {2, 3}
    closing = requests.update_ticket(1, close_as="wont_fix", note="Nobody needs it.")
    await backend.update_ticket(caller, closing)
    assert await blocked() == []


async def test_links_are_replaced_whole(backend: Backend, caller: Caller) -> None:
    await backend.update_ticket(caller, requests.update_ticket(2, blocked_by=[4, "HO-4-shop"]))
    detail = await backend.get_ticket(caller, requests.get_ticket(2))
    assert [one.reference for one in detail.blocked_by] == ["HO-4-shop"]
    await backend.update_ticket(caller, requests.update_ticket(2, blocked_by=[]))
    assert await ready(backend, caller) == [1, 2, 4]


async def test_a_circle_is_refused_however_long(backend: Backend, caller: Caller) -> None:
    await backend.update_ticket(caller, requests.update_ticket(4, blocked_by=[3]))
    for blocker in (1, 2, 4):
        with pytest.raises(ValidationFailed, match="blocked_by"):
            await backend.update_ticket(caller, requests.update_ticket(1, blocked_by=[blocker]))
    assert await ready(backend, caller) == [1]


async def test_a_circle_is_refused_when_two_close_it_at_once(
    backend: Backend, caller: Caller
) -> None:
    outcomes = await asyncio.gather(
        backend.update_ticket(caller, requests.update_ticket(2, blocked_by=[4])),
        backend.update_ticket(caller, requests.update_ticket(4, blocked_by=[2])),
        return_exceptions=True,
    )
    refused = [one for one in outcomes if isinstance(one, HandoffError)]
    assert [type(one) for one in refused] == [ValidationFailed]


async def test_a_blocker_that_is_not_there_files_nothing(backend: Backend, caller: Caller) -> None:
    request = requests.create_ticket(title="Step number 9", blocked_by=["HO-77-shop"])
    with pytest.raises(NotFound, match="blocked_by"):
        await backend.create_ticket(caller, request)
    found = await backend.find_tickets(caller, requests.find_tickets())
    assert len(found.tickets) == 4
