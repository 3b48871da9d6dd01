import asyncio

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import HandoffError, IdempotencyKeyReused, SuggestionNotPending
from mcp_handoff.suggestions import ActedSuggestion
from tests import requests
from tests.clock import SteppedClock


@pytest.fixture
async def suggestion(backend: Backend, caller: Caller) -> str:
    """The id of a suggestion to close ticket 1, which waits for backend alone."""
    await backend.create_ticket(caller, requests.create_ticket())
    made = await backend.suggest_close(caller, requests.suggest_close(1, merge_sha="9F2C1E7"))
    return made.suggestion.id


async def test_suggesting_leaves_the_ticket_as_it_is(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    detail = await backend.get_ticket(caller, requests.get_ticket(1))
    assert (detail.ticket.status, detail.ticket.stage) == ("open", "backlog")
    made = detail.suggestions[0]
    assert (made.status, made.suggestion_type, made.source) == (
        "pending",
        "close_suggestion",
        "bot",
    )
    assert (made.ticket_reference, made.merge_sha) == ("HO-1-shop", "9f2c1e7")
    assert made.expires_at == "2026-11-16T09:30:00.000Z"


async def test_of_many_that_execute_at_once_one_wins(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    outcomes = await asyncio.gather(
        *[backend.act_on_suggestion(caller, requests.execute(suggestion)) for _ in range(16)],
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, ActedSuggestion) for outcome in outcomes) == 1
    lost = [outcome for outcome in outcomes if isinstance(outcome, HandoffError)]
    assert {(error.code, error.state) for error in lost} == {("SUGGESTION_NOT_PENDING", "executed")}


async def test_declining_never_touches_the_ticket_and_keeps_reason_and_actor(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    before = (await backend.get_ticket(caller, requests.get_ticket(1))).ticket
    await backend.act_on_suggestion(caller, requests.decline(suggestion, reason="not merged yet"))
    after = await backend.get_ticket(caller, requests.get_ticket(1))
    assert after.ticket == before
    event = after.events[0]
    assert (event.kind, event.actor_id) == ("suggestion.declined", "agent-1")
    assert event.after == {"status": "declined", "reason": "not merged yet"}


async def test_executing_records_what_was_before_and_after(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    await backend.act_on_suggestion(caller, requests.execute(suggestion))
    event = (await backend.get_ticket(caller, requests.get_ticket(1))).events[0]
    assert event.before == {"status": "pending", "stage": "backlog"}
    assert event.after == {
        "status": "executed",
        "merged": True,
        "new_stage": "live",
        "roles_marked_done": ["backend", "merged"],
    }


async def test_a_suggestion_expires_after_fourteen_days(
    backend: Backend, caller: Caller, clock: SteppedClock, suggestion: str
) -> None:
    clock.advance(days=14)
    pending = await backend.list_suggestions(caller, requests.list_suggestions(status="pending"))
    expired = await backend.list_suggestions(caller, requests.list_suggestions(status="expired"))
    assert (pending.total, expired.suggestions[0].id) == (0, suggestion)
    with pytest.raises(SuggestionNotPending) as lost:
        await backend.act_on_suggestion(caller, requests.execute(suggestion))
    assert lost.value.state == "expired"


async def test_a_moment_before_it_expires_a_suggestion_can_be_executed(
    backend: Backend, caller: Caller, clock: SteppedClock, suggestion: str
) -> None:
    clock.advance(days=13, hours=23, minutes=59, seconds=59)
    acted = await backend.act_on_suggestion(caller, requests.execute(suggestion))
    assert acted.suggestion.status == "executed"


async def test_a_suggestion_for_a_ticket_that_is_live_already_succeeds_and_marks_nothing(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    await backend.act_on_suggestion(caller, requests.execute(suggestion))
    late = await backend.suggest_close(caller, requests.suggest_close(1))
    acted = await backend.act_on_suggestion(caller, requests.execute(late.suggestion.id))
    assert acted.apply_result is not None
    assert acted.apply_result.model_dump() == {
        "merged": True,
        "new_stage": "live",
        "roles_marked_done": [],
    }


async def test_a_key_makes_a_second_proposal_the_first(backend: Backend, caller: Caller) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    keyed = requests.suggest_close(1, idempotency_key="k")
    assert await backend.suggest_close(caller, keyed) == await backend.suggest_close(caller, keyed)
    assert (await backend.list_suggestions(caller, requests.list_suggestions())).total == 1


async def test_a_key_makes_a_second_action_the_first(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    keyed = requests.execute(suggestion, idempotency_key="k")
    first = await backend.act_on_suggestion(caller, keyed)
    assert first.apply_result is not None
    assert await backend.act_on_suggestion(caller, keyed) == first
    with pytest.raises(IdempotencyKeyReused):
        await backend.act_on_suggestion(caller, requests.decline(suggestion, idempotency_key="k"))


async def test_of_the_same_action_sent_sixteen_times_at_once_all_hear_what_it_did(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    keyed = requests.execute(suggestion, idempotency_key="k")
    answers = await asyncio.gather(*[backend.act_on_suggestion(caller, keyed) for _ in range(16)])
    assert answers == [answers[0]] * 16
