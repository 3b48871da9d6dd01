"""Taking, finishing, handing on, sending back and closing, over every backend."""

import asyncio
from typing import Any

import pytest

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.errors import (
    HandoffError,
    NotFound,
    Outdated,
    RolesIncomplete,
    TakenOver,
    TicketClosed,
    TicketTaken,
    ValidationFailed,
)
from mcp_handoff.tickets import TicketDetail
from mcp_handoff.work import TakenTicket, UpdatedTicket
from tests import requests
from tests.clock import SteppedClock
from tests.replays import replay_of

OTHER = Caller(bot("agent-2"), project="shop")
PERSON = Caller(Actor("user", "portal", "ana"), project="shop")


@pytest.fixture
async def ticket(backend: Backend, caller: Caller) -> int:
    """Ticket 1, for backend and qa."""
    await backend.create_ticket(caller, requests.create_ticket(roles=["backend", "qa"]))
    return 1


async def read(backend: Backend, caller: Caller, ticket: int = 1) -> TicketDetail:
    return await backend.get_ticket(caller, requests.get_ticket(ticket))


def roles_of(detail: TicketDetail | UpdatedTicket) -> dict[str, str]:
    return {role.role: role.status for role in detail.ticket.roles}


async def update(backend: Backend, by: Caller, number: int = 1, **changes: Any) -> UpdatedTicket:
    return await backend.update_ticket(by, requests.update_ticket(number, **changes))


async def take(backend: Backend, by: Caller, role: str, **more: Any) -> TakenTicket:
    return await backend.take_ticket(by, requests.take_ticket(role, **more))


async def test_who_takes_a_role_holds_it_and_the_ticket_is_in_progress(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    taken = await take(backend, caller, "backend", ticket=ticket, note="I look at the cart first")
    assert (taken.role, taken.fence, taken.already) == ("backend", 1, False)
    assert taken.until == "2026-11-02T13:30:00.000Z"
    detail = await read(backend, OTHER)
    assert detail.ticket.stage == "in_progress"
    assert roles_of(detail) == {"backend": "in_progress", "qa": "pending", "merged": "pending"}
    [held] = detail.takes
    assert (held.role, held.actor_id, held.note) == (
        "backend",
        "agent-1",
        "I look at the cart first",
    )
    assert detail.events[0].kind == "ticket.taken"


async def test_what_is_held_is_refused_to_others_and_renewed_for_its_holder(
    backend: Backend, caller: Caller, clock: SteppedClock, ticket: int
) -> None:
    await take(backend, caller, "backend", ticket=ticket)
    with pytest.raises(TicketTaken) as refused:
        await take(backend, OTHER, "backend", ticket=ticket)
    assert refused.value.state == "taken"
    assert "agent-1" in refused.value.message
    with pytest.raises(TicketTaken):
        await update(backend, OTHER, role="backend", role_status="done")
    clock.advance(hours=1)
    again = await take(backend, caller, "backend", ticket=ticket)
    assert (again.already, again.fence, again.until) == (True, 1, "2026-11-02T14:30:00.000Z")


async def test_without_a_ticket_the_most_urgent_that_is_ready_is_taken(
    backend: Backend, caller: Caller
) -> None:
    for number, more in enumerate(
        [{"priority": "low"}, {"priority": "high"}, {"blocking": True, "priority": "low"}]
    ):
        await backend.create_ticket(
            caller, requests.create_ticket(title=f"Fault number {number}", **more)
        )
    numbers = [(await take(backend, caller, "backend")).detail.ticket.number for _ in range(3)]
    assert numbers == [3, 2, 1]
    with pytest.raises(NotFound, match="nothing ready"):
        await take(backend, caller, "backend")


async def test_a_tester_waits_for_those_who_implement(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    with pytest.raises(NotFound):
        await take(backend, caller, "qa")
    await take(backend, caller, "backend", ticket=ticket)
    handed = await update(backend, caller, role="backend", role_status="done", note="Cap is gone.")
    assert handed.handed_on_to == ["qa"]
    assert handed.ticket.stage == "validation"
    taken = await take(backend, OTHER, "qa")
    assert taken.detail.ticket.stage == "validation"
    assert [note.body for note in taken.detail.notes] == ["Cap is gone."]


async def test_of_many_that_take_one_role_one_wins(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    callers = [Caller(bot(f"racer-{number}"), project="shop") for number in range(8)]
    outcomes = await asyncio.gather(
        *[take(backend, one, "backend", ticket=ticket) for one in callers], return_exceptions=True
    )
    assert sum(isinstance(one, TakenTicket) for one in outcomes) == 1
    assert {one.code for one in outcomes if isinstance(one, HandoffError)} == {"TICKET_TAKEN"}


async def test_of_many_that_take_the_next_each_gets_another(
    backend: Backend, caller: Caller
) -> None:
    for number in range(6):
        await backend.create_ticket(caller, requests.create_ticket(title=f"Fault number {number}"))
    callers = [Caller(bot(f"racer-{number}"), project="shop") for number in range(6)]
    taken = await asyncio.gather(*[take(backend, one, "backend") for one in callers])
    assert {one.detail.ticket.number for one in taken} == {1, 2, 3, 4, 5, 6}


async def test_a_take_whose_time_is_over_stays_its_holders_until_it_is_taken_over(
    backend: Backend, caller: Caller, clock: SteppedClock, ticket: int
) -> None:
    await take(backend, caller, "backend", ticket=ticket)
    clock.advance(hours=4)
    [held] = (await read(backend, OTHER)).takes
    assert held.stale
    found = await backend.find_tickets(OTHER, requests.find_tickets(role="backend", ready=True))
    assert [one.number for one in found.tickets] == [1]
    with pytest.raises(TicketTaken, match="take_over") as refused:
        await take(backend, OTHER, "backend", ticket=ticket)
    assert refused.value.state == "stale"
    over = await take(backend, OTHER, "backend", take_over=True, note="It was silent")
    assert over.fence == 2
    with pytest.raises(TakenOver, match=r"agent-2.*It was silent"):
        await update(backend, caller, role="backend", role_status="done", fence=1)
    with pytest.raises(TakenOver):
        await update(backend, caller, role="backend", role_status="done")
    await update(backend, OTHER, role="backend", role_status="done", fence=2)


async def test_any_call_of_the_holder_on_the_ticket_renews_a_take(
    backend: Backend, caller: Caller, clock: SteppedClock, ticket: int
) -> None:
    await take(backend, caller, "backend", ticket=ticket)
    calls = [
        lambda: read(backend, caller),
        lambda: update(backend, caller, priority="high"),
        lambda: backend.add_message(caller, requests.add_message(1, "Half of it is done.")),
        lambda: backend.trigger_bot_build(caller, requests.trigger_bot_build(1)),
        lambda: backend.suggest_close(caller, requests.suggest_close(1)),
    ]
    for call in calls:
        clock.advance(hours=3)
        await call()
    clock.advance(hours=3)
    assert not (await read(backend, OTHER)).takes[0].stale
    clock.advance(hours=1)
    assert (await read(backend, OTHER)).takes[0].stale


async def test_a_parked_take_is_not_over_until_its_holder_goes_on(
    backend: Backend, caller: Caller, clock: SteppedClock, ticket: int
) -> None:
    await take(backend, caller, "backend", ticket=ticket)
    parked = await update(backend, caller, park="The staging machine is down until Monday")
    assert parked.changed == ["parked"]
    clock.advance(hours=90)
    [held] = (await read(backend, OTHER)).takes
    assert (held.stale, held.parked) == (False, "The staging machine is down until Monday")
    await update(backend, caller, priority="high")
    [held] = (await read(backend, OTHER)).takes
    assert (held.parked, held.until) == (None, "2026-11-06T07:30:00.000Z")
    with pytest.raises(ValidationFailed, match="take one first"):
        await update(backend, OTHER, park="Not mine")


async def test_what_a_person_takes_is_never_over(
    backend: Backend, clock: SteppedClock, caller: Caller, ticket: int
) -> None:
    taken = await take(backend, PERSON, "backend", ticket=ticket)
    assert taken.until is None
    clock.advance(days=400)
    [held] = (await read(backend, PERSON)).takes
    assert not held.stale
    with pytest.raises(TicketTaken):
        await take(backend, OTHER, "backend", ticket=ticket, take_over=True)


async def test_what_is_given_back_is_ready_again_with_its_note(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    await take(backend, caller, "backend", ticket=ticket)
    back = await update(
        backend, caller, role="backend", role_status="pending", note="Needs the schema first."
    )
    assert back.handed_on_to == []
    assert roles_of(back)["backend"] == "pending"
    taken = await take(backend, OTHER, "backend")
    assert taken.fence == 2
    assert taken.detail.notes[0].body == "Needs the schema first."


async def test_a_tester_who_sends_back_gives_its_own_role_back_too(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    await take(backend, caller, "backend", ticket=ticket)
    await update(backend, caller, role="backend", role_status="done")
    await take(backend, OTHER, "qa")
    sent = await update(
        backend, OTHER, role="backend", role_status="pending", note="99 items still fail."
    )
    assert sent.ticket.stage == "in_progress"
    assert roles_of(sent) == {"backend": "pending", "qa": "pending", "merged": "pending"}
    assert sent.handed_on_to == ["backend"]
    assert (await read(backend, caller)).takes == []


async def test_a_ticket_goes_from_filed_to_live_by_its_roles_and_merged(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    await take(backend, caller, "backend", ticket=ticket)
    await update(backend, caller, role="backend", role_status="done")
    await take(backend, OTHER, "qa")
    tested = await update(backend, OTHER, role="qa", role_status="done")
    assert (tested.ticket.status, tested.ticket.stage) == ("open", "validation")
    live = await update(
        backend, caller, role="merged", role_status="skipped", note="Nothing to merge."
    )
    assert (live.ticket.status, live.ticket.stage) == ("closed", "live")
    closed = await read(backend, caller)
    assert closed.ticket.resolution_type == "completed"
    assert closed.events[0].kind in ("ticket.closed", "message.added")


async def test_a_question_closes_with_its_last_named_role(backend: Backend, caller: Caller) -> None:
    asked = requests.create_ticket(request_type="clarification_needed", roles=["design"])
    await backend.create_ticket(caller, asked)
    await take(backend, OTHER, "design")
    done = await update(backend, OTHER, role="design", role_status="done", note="The second one.")
    assert done.ticket.status == "closed"
    assert roles_of(done) == {"design": "done", "merged": "skipped"}
    assert (await read(backend, caller)).ticket.resolution_note == "The second one."


async def test_what_qa_reopens_is_merged_and_tested_again(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    suggested = await backend.suggest_close(caller, requests.suggest_close(1, merge_sha="9f2c1e7"))
    await update(backend, OTHER, role="qa", role_status="done")
    await backend.act_on_suggestion(caller, requests.execute(suggested.suggestion.id))
    assert (await read(backend, caller)).ticket.status == "closed"
    with pytest.raises(TicketClosed):
        await take(backend, caller, "backend", ticket=ticket)
    again = await update(
        backend, OTHER, role="backend", role_status="pending", note="It fails at 101."
    )
    assert (again.ticket.status, again.ticket.stage) == ("open", "in_progress")
    assert roles_of(again) == {"backend": "pending", "qa": "pending", "merged": "pending"}
    assert (await read(backend, caller)).ticket.resolution_type is None
    second = await backend.suggest_close(caller, requests.suggest_close(1, merge_sha="8f2c1e7"))
    await update(backend, OTHER, role="qa", role_status="done")
    await backend.act_on_suggestion(caller, requests.execute(second.suggestion.id))
    assert (await read(backend, caller)).ticket.status == "closed"


async def test_what_is_not_finished_is_not_closed_as_finished(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    with pytest.raises(RolesIncomplete) as refused:
        await update(backend, caller, close_as="completed", note="Done, I think.")
    assert refused.value.fields.keys() == {"backend", "qa"}
    assert (await read(backend, caller)).ticket.status == "open"


@pytest.mark.parametrize("resolution", ["wont_fix", "no_longer_relevant", "cancelled"])
async def test_what_is_given_up_skips_what_is_open(
    backend: Backend, caller: Caller, ticket: int, resolution: str
) -> None:
    await backend.suggest_close(caller, requests.suggest_close(1))
    closed = await update(backend, caller, close_as=resolution, note="The page goes away.")
    assert closed.ticket.status == "closed"
    assert set(roles_of(closed).values()) == {"skipped"}
    detail = await read(backend, caller)
    assert detail.ticket.resolution_type == resolution
    assert detail.suggestions[0].status == "skipped"
    assert detail.ticket.resolution_note == "The page goes away."


async def test_a_duplicate_names_the_other_ticket(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    await backend.create_ticket(caller, requests.create_ticket(title="Cart breaks at 100 items"))
    with pytest.raises(ValidationFailed, match="HO-12-shop"):
        await update(backend, caller, 2, close_as="duplicate", note="It is known.")
    with pytest.raises(NotFound):
        await update(backend, caller, 2, close_as="duplicate", note="See HO-9-shop.")
    closed = await update(backend, caller, 2, close_as="duplicate", note="See HO-1-shop.")
    assert closed.ticket.status == "closed"


async def test_a_stage_is_set_by_hand_but_not_to_live(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    moved = await update(backend, caller, stage="up_next")
    assert (moved.ticket.stage, moved.changed) == ("up_next", ["stage"])
    again = await update(backend, caller, stage="up_next")
    assert again.changed == []
    await update(backend, caller, close_as="cancelled", note="Not now.")
    opened = await update(backend, caller, stage="backlog", note="It is wanted after all.")
    assert (opened.ticket.status, opened.ticket.stage) == ("open", "backlog")


async def test_a_changed_text_is_found_by_its_new_words(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    changed = await update(backend, caller, title="Basket fails at 100 items", priority="high")
    assert changed.changed == ["priority", "title"]
    assert changed.ticket.title == "Basket fails at 100 items"
    found = await backend.find_tickets(caller, requests.find_tickets(query="basket"))
    assert [one.number for one in found.tickets] == [1]
    event = (await read(backend, caller)).events[0]
    assert event.before == {"priority": "medium", "title": "Checkout fails at 100 items"}


async def test_a_role_that_is_added_has_to_act_before_those_who_test(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    await update(backend, caller, role="backend", role_status="done")
    added = await update(backend, caller, add_roles=["frontend"])
    assert roles_of(added) == {
        "backend": "done",
        "qa": "pending",
        "frontend": "pending",
        "merged": "pending",
    }
    assert added.handed_on_to == ["frontend"]
    with pytest.raises(NotFound):
        await take(backend, OTHER, "qa")
    assert (await take(backend, OTHER, "frontend")).detail.ticket.number == 1


async def test_roles_are_added_behind_those_that_were_named_and_before_merged(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    order = ["backend", "qa", "frontend", "devops", "other", "merged"]
    added = await update(backend, caller, add_roles=["frontend", "backend", "devops", "other"])
    assert list(roles_of(added)) == order
    assert list(roles_of(await read(backend, caller))) == order


async def test_who_saw_an_older_version_is_told(
    backend: Backend, caller: Caller, clock: SteppedClock, ticket: int
) -> None:
    seen = (await read(backend, caller)).ticket.updated_at
    clock.advance(seconds=5)
    await update(backend, OTHER, priority="high", updated_at=seen)
    with pytest.raises(Outdated):
        await update(backend, caller, priority="low", updated_at=seen)
    assert (await read(backend, caller)).ticket.priority == "high"


async def test_the_same_update_twice_under_one_key_happens_once(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    request = requests.take_ticket("backend", ticket=1, idempotency_key="k1")
    first = await backend.take_ticket(caller, request)
    assert await backend.take_ticket(caller, request) == replay_of(first)
    done = requests.update_ticket(
        1, role="backend", role_status="done", note="Done.", idempotency_key="k2"
    )
    first_update = await backend.update_ticket(caller, done)
    assert await backend.update_ticket(caller, done) == replay_of(first_update)
    assert len((await read(backend, caller)).notes) == 1


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"role_status": "done"}, {"role"}),
        ({"role": "qa"}, {"role"}),
        ({"role": "merged", "role_status": "done"}, {"role"}),
        ({"close_as": "wont_fix", "stage": "backlog"}, {"close_as"}),
        ({"role": "design", "role_status": "done"}, {"role"}),
        ({"stage": "live"}, {"stage"}),
        ({"blocked_by": ["1"]}, {"blocked_by"}),
        ({"blocked_by": ["77"]}, {"blocked_by"}),
    ],
)
async def test_what_makes_no_sense_changes_nothing(
    backend: Backend, caller: Caller, ticket: int, wrong: dict[str, Any], fields: set[str]
) -> None:
    before = await read(backend, caller)
    with pytest.raises((ValidationFailed, NotFound)) as refused:
        await update(backend, caller, **wrong)
    if fields:
        assert refused.value.fields.keys() >= fields
    assert await read(backend, caller) == before


async def test_a_secret_in_a_note_is_masked_everywhere(
    backend: Backend, caller: Caller, ticket: int
) -> None:
    token = "ghp_" + "a1B2" * 9
    done = await update(
        backend, caller, role="backend", role_status="done", note=f"Use {token} for it."
    )
    assert done.masked == ["note"]
    assert token not in (await read(backend, caller)).model_dump_json()


async def test_tickets_are_listed_by_who_holds_them(backend: Backend, caller: Caller) -> None:
    for number in range(4):
        await backend.create_ticket(
            caller, requests.create_ticket(title=f"Fault number {number}", roles=["backend", "qa"])
        )
    await take(backend, caller, "backend", ticket=1)
    await take(backend, caller, "qa", ticket=1)
    await take(backend, OTHER, "backend", ticket=2)

    async def numbers(**filters: Any) -> list[int]:
        found = await backend.find_tickets(caller, requests.find_tickets(**filters))
        return [one.number or 0 for one in found.tickets]

    assert await numbers(taken_by="me") == [1]
    assert await numbers(taken_by="agent-2") == [2]
    assert await numbers(taken_by="anyone") == [2, 1]
    assert await numbers(taken_by="nobody") == [4, 3]
    assert await numbers(taken_by="anyone", role="qa") == [1]
    assert await numbers(ready=True, role="backend") == [4, 3]
    assert await numbers(ready=True) == [4, 3]
    assert sorted(await numbers(query="fault", taken_by="anyone")) == [1, 2]
