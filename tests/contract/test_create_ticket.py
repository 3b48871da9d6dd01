from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.backend import Backend
from tests import requests
from tests.clock import SteppedClock


async def test_a_ticket_is_stamped_bot_and_gets_merged_behind_its_roles(
    backend: Backend, caller: Caller
) -> None:
    created = await backend.create_ticket(caller, requests.create_ticket(roles=["qa", "backend"]))
    ticket = created.ticket
    assert (ticket.actor_role, ticket.source, ticket.actor_id) == ("bot", "bot", "agent-1")
    assert [role.role for role in ticket.roles] == ["qa", "backend", "merged"]
    assert {role.status for role in ticket.roles} == {"pending"}
    assert (ticket.reference, ticket.stage, ticket.status) == ("HO-1-shop", "backlog", "open")


async def test_an_equal_create_within_ten_minutes_is_the_same_ticket(
    backend: Backend, caller: Caller, clock: SteppedClock
) -> None:
    first = await backend.create_ticket(caller, requests.create_ticket(roles=["qa", "backend"]))
    clock.advance(seconds=599)
    again = await backend.create_ticket(caller, requests.create_ticket(roles=["backend", "qa"]))
    assert (again.ticket, again.deduplicated) == (first.ticket, True)


async def test_a_user_may_leave_roles_out(backend: Backend) -> None:
    person = Caller(Actor(role="user", source="portal", id="ada"), project="shop")
    request = requests.create_ticket().model_copy(update={"roles": []})
    created = await backend.create_ticket(person, request)
    assert [role.role for role in created.ticket.roles] == ["merged"]


async def test_an_equal_create_by_another_actor_is_another_ticket(backend: Backend) -> None:
    for name in ("agent-1", "agent-2"):
        caller = Caller(bot(name), project="shop")
        created = await backend.create_ticket(caller, requests.create_ticket())
    assert created.ticket.number == 2
