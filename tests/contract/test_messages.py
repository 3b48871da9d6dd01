"""A ticket's thread, over every backend."""

import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend, Store
from mcp_handoff.errors import NotFound, ValidationFailed
from tests import requests
from tests.clock import SteppedClock
from tests.replays import replay_of

OTHER = Caller(bot("agent-2"), project="shop")


@pytest.fixture(autouse=True)
async def ticket(backend: Backend, caller: Caller) -> None:
    """Ticket 1, for backend and design."""
    await backend.create_ticket(caller, requests.create_ticket(roles=["backend", "design"]))


async def test_a_thread_is_read_page_by_page_oldest_first(backend: Backend, caller: Caller) -> None:
    for number in range(5):
        await backend.add_message(caller, requests.add_message(1, f"Message {number}"))
    first = await backend.list_messages(caller, requests.list_messages(1, limit=3))
    assert [one.body for one in first.messages] == ["Message 0", "Message 1", "Message 2"]
    rest = await backend.list_messages(
        caller, requests.list_messages(1, limit=3, cursor=first.next_cursor)
    )
    assert [one.body for one in rest.messages] == ["Message 3", "Message 4"]
    assert rest.next_cursor is None
    detail = await backend.get_ticket(caller, requests.get_ticket(1))
    assert [one.body for one in detail.messages][:2] == ["Message 4", "Message 3"]


async def test_a_question_parks_whoever_asks_until_it_is_answered(
    backend: Backend, caller: Caller, clock: SteppedClock
) -> None:
    await backend.take_ticket(caller, requests.take_ticket("backend", ticket=1))
    asked = await backend.add_message(
        caller, requests.add_message(1, "Which of both forms?", to_role="design")
    )
    assert asked.parked
    clock.advance(hours=20)
    detail = await backend.get_ticket(caller, requests.get_ticket(1))
    assert detail.messages[0].waits
    assert (detail.takes[0].stale, detail.takes[0].parked) == (
        False,
        "waits for an answer of design",
    )
    answer = requests.add_message(1, "The second one.", answers=asked.message.id)
    answered = await backend.add_message(OTHER, answer)
    assert answered.answered == asked.message.id
    detail = await backend.get_ticket(OTHER, requests.get_ticket(1))
    assert [one.waits for one in detail.messages] == [False, False]
    assert detail.takes[0].until == "2026-11-03T09:30:00.000Z"


async def test_a_message_of_another_ticket_can_not_be_answered(
    backend: Backend, caller: Caller
) -> None:
    await backend.create_ticket(caller, requests.create_ticket(title="Another fault"))
    asked = await backend.add_message(caller, requests.add_message(2, "Why?", to_role="design"))
    with pytest.raises(NotFound, match="answers"):
        await backend.add_message(
            caller, requests.add_message(1, "Because.", answers=asked.message.id)
        )


async def test_the_same_message_twice_under_one_key_is_one(
    backend: Backend, caller: Caller
) -> None:
    request = requests.add_message(1, "Once.", idempotency_key="k")
    first = await backend.add_message(caller, request)
    assert await backend.add_message(caller, request) == replay_of(first)
    thread = await backend.list_messages(caller, requests.list_messages(1))
    assert len(thread.messages) == 1


async def test_a_closed_ticket_still_takes_messages(backend: Backend, caller: Caller) -> None:
    closing = requests.update_ticket(1, close_as="wont_fix", note="Too rare.")
    await backend.update_ticket(caller, closing)
    added = await backend.add_message(OTHER, requests.add_message(1, "We saw it again."))
    assert added.ticket == "HO-1-shop"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_what_waits_for_an_answer_is_listed_by_role_page_by_page_oldest_first(
    backend: Backend, caller: Caller
) -> None:
    assert isinstance(backend, Store)
    await backend.create_ticket(caller, requests.create_ticket(title="Another fault"))
    roles = ["design", "qa", "design", "backend", "design"]
    asked = [
        (await backend.add_message(caller, requests.add_message(ticket, role, to_role=role)))
        for ticket, role in zip([1, 2, 2, 1, 1], roles, strict=True)
    ]
    await backend.add_message(caller, requests.add_message(1, "Nobody is asked."))
    answer = requests.add_message(2, "Like this.", answers=asked[2].message.id)
    await backend.add_message(OTHER, answer)

    found: list[str] = []
    page = await backend.list_questions(caller, requests.list_questions(limit=3))
    found += [one.message.id for one in page.questions]
    after = requests.list_questions(limit=3, cursor=page.next_cursor)
    page = await backend.list_questions(caller, after)
    found += [one.message.id for one in page.questions]
    assert page.next_cursor is None
    assert found == [asked[number].message.id for number in (0, 1, 3, 4)]

    some = requests.list_questions(roles=["qa", "backend"])
    page = await backend.list_questions(caller, some)
    assert [(one.ticket, one.title, one.message.body) for one in page.questions] == [
        ("HO-2-shop", "Another fault", "qa"),
        ("HO-1-shop", requests.TICKET["title"], "backend"),
    ]
    with pytest.raises(ValidationFailed, match="cursor"):
        await backend.list_questions(caller, some.model_copy(update={"cursor": after.cursor}))
    overview = await backend.get_overview(caller, requests.get_overview())
    assert [one.id for one in overview.asked] == found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_what_waits_is_listed_of_ones_own_project_alone(
    backend: Backend, caller: Caller
) -> None:
    assert isinstance(backend, Store)
    elsewhere = Caller(bot("agent-1"), project="portal")
    await backend.create_ticket(elsewhere, requests.create_ticket())
    await backend.add_message(elsewhere, requests.add_message(1, "Which?", to_role="qa"))
    assert (await backend.list_questions(caller, requests.list_questions())).questions == []
    with pytest.raises(NotFound):
        await backend.list_questions(caller, requests.list_questions(project="nowhere"))
