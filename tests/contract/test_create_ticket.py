import asyncio

import pytest

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.errors import IdempotencyKeyReused
from mcp_handoff.schema import CALL_KEY
from mcp_handoff.tickets import CreateTicket
from tests import requests
from tests.clock import SteppedClock
from tests.replays import replay_of


async def test_a_ticket_is_stamped_bot_and_gets_merged_behind_its_roles(
    backend: Backend, caller: Caller
) -> None:
    created = await backend.create_ticket(caller, requests.create_ticket(roles=["qa", "backend"]))
    ticket = created.ticket
    assert (ticket.actor_role, ticket.source, ticket.actor_id) == ("bot", "bot", "agent-1")
    assert [role.role for role in ticket.roles] == ["qa", "backend", "merged"]
    assert {role.status for role in ticket.roles} == {"pending"}
    assert (ticket.reference, ticket.stage, ticket.status) == ("HO-1-shop", "backlog", "open")
    assert ticket.created_at == ticket.updated_at == "2026-11-02T09:30:00.000Z"


async def test_what_was_filed_is_read_back_whole(backend: Backend, caller: Caller) -> None:
    request = requests.create_ticket(
        title="  Émile's café 🛒 fails  ",
        evidence={"a": [1, 2.5, None, {"b": "ß"}], "": True},
        suggested_resolution="Lift the limit.",
        implementation_notes="See cart/limits.py.",
        priority="high",
        blocking=True,
    )
    await backend.create_ticket(caller, request)
    ticket = (await backend.get_ticket(caller, requests.get_ticket(1))).ticket
    assert ticket.title == "Émile's café 🛒 fails"
    assert ticket.evidence == {"a": [1, 2.5, None, {"b": "ß"}], "": True}
    assert ticket.suggested_resolution == "Lift the limit."
    assert ticket.implementation_notes == "See cart/limits.py."
    assert (ticket.priority, ticket.blocking) == ("high", True)


async def test_a_user_may_leave_roles_out(backend: Backend) -> None:
    person = Caller(Actor(role="user", source="portal", id="ada"), project="shop")
    request = requests.create_ticket().model_copy(update={"roles": []})
    created = await backend.create_ticket(person, request)
    assert [role.role for role in created.ticket.roles] == ["merged"]


async def test_an_equal_create_within_ten_minutes_is_the_same_ticket(
    backend: Backend, caller: Caller, clock: SteppedClock
) -> None:
    first = await backend.create_ticket(caller, requests.create_ticket(roles=["qa", "backend"]))
    clock.advance(seconds=600)
    again = await backend.create_ticket(caller, requests.create_ticket(roles=["backend", "qa"]))
    assert (again.ticket, again.deduplicated) == (first.ticket, True)
    clock.advance(milliseconds=1)
    later = await backend.create_ticket(caller, requests.create_ticket(roles=["backend", "qa"]))
    assert (later.ticket.number, later.deduplicated) == (2, False)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Checkout fails at 99 items"},
        {"priority": "low"},
        {"blocking": True},
        {"roles": ["backend", "qa"]},
        {"evidence": {"status": 500}},
        {"implementation_notes": "Look at the cart."},
        {"request_type": "feature_request"},
    ],
)
async def test_a_create_that_differs_in_anything_is_another_ticket(
    backend: Backend, caller: Caller, change: dict[str, object]
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    other = await backend.create_ticket(caller, requests.create_ticket(**change))
    assert (other.ticket.number, other.deduplicated) == (2, False)


async def test_an_equal_create_by_another_actor_is_another_ticket(backend: Backend) -> None:
    numbers = [
        (await _create(backend, Caller(bot(name), project="shop"))) for name in ("one", "two")
    ]
    assert numbers == [1, 2]


async def test_an_equal_create_after_the_first_was_closed_is_another_ticket(
    backend: Backend, caller: Caller
) -> None:
    await _create(backend, caller)
    made = await backend.suggest_close(caller, requests.suggest_close(1))
    await backend.act_on_suggestion(caller, requests.execute(made.suggestion.id))
    assert await _create(backend, caller) == 2


async def test_the_same_key_gives_the_first_answer_even_much_later(
    backend: Backend, caller: Caller, clock: SteppedClock
) -> None:
    request = requests.create_ticket(idempotency_key="k")
    first = await backend.create_ticket(caller, request)
    clock.advance(days=400)
    assert await backend.create_ticket(caller, request) == replay_of(first)


async def test_a_key_with_other_arguments_is_refused(backend: Backend, caller: Caller) -> None:
    await backend.create_ticket(caller, requests.create_ticket(idempotency_key="k"))
    other = requests.create_ticket(idempotency_key="k", priority="low")
    with pytest.raises(IdempotencyKeyReused):
        await backend.create_ticket(caller, other)


async def test_a_key_that_a_client_made_for_one_call_leaves_the_ten_minute_rule_as_it_is(
    backend: Backend, caller: Caller
) -> None:
    first, second = (requests.create_ticket(idempotency_key=f"{CALL_KEY}{n}") for n in (1, 2))
    filed = await backend.create_ticket(caller, first)
    repeated = await backend.create_ticket(caller, second)
    assert (filed.deduplicated, repeated.deduplicated) == (False, True)
    assert repeated.ticket == filed.ticket
    assert await backend.create_ticket(caller, first) == replay_of(filed)


async def test_two_actors_may_use_the_same_key(backend: Backend, caller: Caller) -> None:
    keyed = requests.create_ticket(idempotency_key="k")
    numbers = [
        await _create(backend, Caller(bot(name), project="shop"), keyed) for name in ("one", "two")
    ]
    assert numbers == [1, 2]


async def test_the_same_create_sent_sixteen_times_at_once_is_one_ticket(
    backend: Backend, caller: Caller
) -> None:
    keyed = requests.create_ticket(idempotency_key="k")
    answers = await asyncio.gather(*[backend.create_ticket(caller, keyed) for _ in range(16)])
    assert {answer.ticket.number for answer in answers} == {1}
    assert [answer.replayed for answer in answers].count(False) == 1
    assert len((await backend.find_tickets(caller, requests.find_tickets())).tickets) == 1


async def test_equal_content_under_sixteen_keys_is_sixteen_tickets(
    backend: Backend, caller: Caller
) -> None:
    keyed = [requests.create_ticket(idempotency_key=f"k{n}") for n in range(16)]
    numbers = await asyncio.gather(*[_create(backend, caller, request) for request in keyed])
    assert set(numbers) == set(range(1, 17))


async def test_each_project_numbers_its_own_tickets(backend: Backend) -> None:
    for position, project in enumerate(("shop", "app", "shop")):
        await _create(
            backend,
            Caller(bot("agent"), project=project),
            requests.create_ticket(title=f"Ticket {position} of {project}"),
        )
    shop = Caller(bot("agent"), project="shop")
    page = await backend.find_tickets(shop, requests.find_tickets())
    assert [ticket.reference for ticket in page.tickets] == ["HO-2-shop", "HO-1-shop"]


async def _create(
    backend: Backend, caller: Caller, request: CreateTicket | None = None
) -> int | None:
    created = await backend.create_ticket(caller, request or requests.create_ticket())
    return created.ticket.number
