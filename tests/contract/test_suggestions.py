import asyncio
import re
from typing import Any

import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.errors import (
    HandoffError,
    IdempotencyKeyReused,
    NotFound,
    SuggestionNotPending,
    TicketClosed,
    ValidationFailed,
)
from mcp_handoff.store.transaction import Database
from mcp_handoff.suggestions import ActedSuggestion
from tests import requests
from tests.clock import SteppedClock
from tests.replays import replay_of


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
        "proof": "unproven",
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


async def test_an_older_suggestion_for_a_ticket_that_is_live_already_succeeds_and_marks_nothing(
    backend: Backend, caller: Caller, suggestion: str, database: Database
) -> None:
    await backend.act_on_suggestion(caller, requests.execute(suggestion))
    await make_pending(database, "ticket_version = 2")
    acted = await backend.act_on_suggestion(caller, requests.execute(suggestion))
    assert acted.apply_result is not None
    assert acted.apply_result.model_dump() == {
        "merged": True,
        "new_stage": "live",
        "roles_marked_done": [],
    }


async def test_an_older_suggestion_for_a_ticket_that_was_closed_since_is_skipped_and_says_why(
    backend: Backend, caller: Caller, suggestion: str, database: Database
) -> None:
    await backend.act_on_suggestion(caller, requests.execute(suggestion))
    await make_pending(database, "ticket_version = 1")
    acted = await backend.act_on_suggestion(caller, requests.execute(suggestion))
    assert (acted.suggestion.status, acted.apply_result) == ("skipped", None)
    assert "closed or reopened" in (acted.suggestion.reason or "")


async def make_pending(database: Database, version: str) -> None:
    """Leave the suggestion as an older version of this program may have left it."""
    older = f"UPDATE suggestions SET status = 'pending', reason = NULL, {version}"
    await database.write(lambda tx: tx.execute(older))
    forget = "DELETE FROM events WHERE kind = 'suggestion.executed'"
    await database.write(lambda tx: tx.execute(forget))


async def test_suggesting_to_close_a_closed_ticket_is_refused_with_how_it_was_closed(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    await backend.act_on_suggestion(caller, requests.execute(suggestion))
    for refused in (
        backend.suggest_close(caller, requests.suggest_close(1)),
        backend.trigger_bot_build(caller, requests.trigger_bot_build(1)),
    ):
        with pytest.raises(TicketClosed) as closed:
            await refused
        how = (
            r"HO-1-shop is closed \(completed, 2026-11-02T09:30:00.000Z, by agent-1 \(bot\).*\) and"
        )
        assert re.match(how, closed.value.message)


async def test_the_proposals_of_one_ticket_are_listed_page_by_page_by_any_of_its_names(
    backend: Backend, caller: Caller
) -> None:
    for number in (1, 2):
        await backend.create_ticket(caller, requests.create_ticket(title=f"Ticket {number}"))
    made = [
        (await backend.suggest_close(caller, requests.suggest_close(ticket, pr_number=pr)))
        for ticket, pr in ((1, 7), (2, 8), (1, 9))
    ]
    of_first = [made[2].suggestion.id, made[0].suggestion.id]
    for name in ("1", "HO-1-shop", made[0].suggestion.ticket_id):
        first = requests.list_suggestions(ticket=name, limit=1)
        page = await backend.list_suggestions(caller, first)
        assert page.matching == 2
        rest = requests.list_suggestions(ticket=name, limit=1, cursor=page.next_cursor)
        last = await backend.list_suggestions(caller, rest)
        assert [one.id for one in (*page.suggestions, *last.suggestions)] == of_first
        assert last.next_cursor is None
    assert (await backend.list_suggestions(caller, requests.list_suggestions())).total == 3
    elsewhere = requests.list_suggestions(ticket="2", cursor=page.next_cursor)
    with pytest.raises(ValidationFailed, match="same filters"):
        await backend.list_suggestions(caller, elsewhere)
    with pytest.raises(NotFound):
        await backend.list_suggestions(caller, requests.list_suggestions(ticket="3"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"merge_sha": "9f2c1e7"}, {"merge_sha": "9F2C1E7AB4D0"}),
        ({"merge_sha": "9f2c1e7ab4d0"}, {"merge_sha": "9f2c1e7", "pr_number": 8}),
        ({"pr_number": 7, "repo": "acme/shop"}, {"pr_number": 7}),
        ({"pr_number": 7}, {"pr_number": 7, "repo": "Acme/Shop"}),
        ({"pr_number": 7, "repo": "acme/shop"}, {"pr_number": 7, "repo": "Acme/Shop"}),
    ],
)
async def test_two_proposals_for_one_change_are_one_while_it_is_pending_whoever_makes_them(
    backend: Backend, caller: Caller, first: dict[str, Any], second: dict[str, Any]
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    made = await backend.suggest_close(caller, requests.suggest_close(1, **first))
    other = Caller(bot("agent-2"), project="shop")
    again = await backend.suggest_close(other, requests.suggest_close(1, **second))
    assert (made.deduplicated, again.deduplicated) == (False, True)
    assert again.suggestion == made.suggestion
    assert (await backend.list_suggestions(caller, requests.list_suggestions())).total == 1
    await backend.act_on_suggestion(caller, requests.decline(made.suggestion.id))
    assert not (
        await backend.suggest_close(other, requests.suggest_close(1, **second))
    ).deduplicated


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {}),
        ({"merge_sha": "9f2c1e7a"}, {"merge_sha": "9f2c1e7b"}),
        ({"merge_sha": "9f2c1e7"}, {"pr_number": 7}),
        ({"pr_number": 7, "repo": "acme/shop"}, {"pr_number": 7, "repo": "acme/app"}),
        ({"pr_number": 7}, {"pr_number": 8}),
    ],
)
async def test_proposals_for_different_changes_are_two(
    backend: Backend, caller: Caller, first: dict[str, Any], second: dict[str, Any]
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    for change in (first, second):
        made = await backend.suggest_close(caller, requests.suggest_close(1, **change))
        assert not made.deduplicated
    assert (await backend.list_suggestions(caller, requests.list_suggestions())).total == 2


async def test_a_proposal_for_the_same_change_of_another_ticket_or_after_expiry_is_another(
    backend: Backend, caller: Caller, clock: SteppedClock, suggestion: str
) -> None:
    await backend.create_ticket(caller, requests.create_ticket(title="Another fault"))
    same = requests.suggest_close(2, merge_sha="9f2c1e7")
    assert not (await backend.suggest_close(caller, same)).deduplicated
    clock.advance(days=14)
    later = await backend.suggest_close(caller, requests.suggest_close(1, merge_sha="9f2c1e7"))
    assert (later.deduplicated, later.suggestion.id != suggestion) == (False, True)


async def test_a_ticket_that_closes_skips_what_else_was_proposed_with_an_event_for_each(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    others = [
        (await backend.suggest_close(caller, requests.suggest_close(1))).suggestion.id
        for _ in range(2)
    ]
    declined = (await backend.suggest_close(caller, requests.suggest_close(1))).suggestion.id
    await backend.act_on_suggestion(caller, requests.decline(declined))
    await backend.act_on_suggestion(caller, requests.execute(suggestion))
    skipped = await backend.list_suggestions(caller, requests.list_suggestions(status="skipped"))
    why = f"HO-1-shop was closed by suggestion {suggestion}."
    assert {(one.id, one.reason) for one in skipped.suggestions} == {(id_, why) for id_ in others}
    events = (await backend.get_ticket(caller, requests.get_ticket(1))).events[:3]
    assert [event.kind for event in events] == ["suggestion.skipped"] * 2 + ["suggestion.executed"]
    assert (events[0].before, events[0].after) == (
        {"status": "pending"},
        {"status": "skipped", "reason": why},
    )
    with pytest.raises(SuggestionNotPending, match=why) as lost:
        await backend.act_on_suggestion(caller, requests.execute(others[0]))
    assert lost.value.state == "skipped"


async def test_a_ticket_that_only_moves_on_leaves_what_else_was_proposed_pending(
    backend: Backend, caller: Caller
) -> None:
    await backend.create_ticket(caller, requests.create_ticket(roles=["backend", "qa"]))
    one, other = [
        (await backend.suggest_close(caller, requests.suggest_close(1))).suggestion.id
        for _ in range(2)
    ]
    await backend.act_on_suggestion(caller, requests.execute(one))
    pending = await backend.list_suggestions(caller, requests.list_suggestions(status="pending"))
    assert [suggestion.id for suggestion in pending.suggestions] == [other]


async def test_a_settled_suggestion_tells_who_settled_it_and_when_wherever_it_is_shown(
    backend: Backend, caller: Caller, clock: SteppedClock, suggestion: str
) -> None:
    pending = (await backend.get_ticket(caller, requests.get_ticket(1))).suggestions[0]
    assert (pending.settled_by, pending.settled_at) == (None, None)
    clock.advance(seconds=1)
    other = Caller(bot("agent-2"), project="shop")
    acted = await backend.act_on_suggestion(other, requests.decline(suggestion, reason="No."))
    listed = await backend.list_suggestions(caller, requests.list_suggestions())
    read = await backend.get_ticket(caller, requests.get_ticket(1))
    for told in (acted.suggestion, listed.suggestions[0], read.suggestions[0]):
        assert told.settled_at == "2026-11-02T09:30:01.000Z"
        assert (told.settled_by or "").startswith("agent-2 (bot)")
    assert read.suggestions[0] == acted.suggestion


async def test_an_expired_suggestion_tells_when_its_time_was_over(
    backend: Backend, caller: Caller, clock: SteppedClock, suggestion: str
) -> None:
    clock.advance(days=20)
    expired = (await backend.get_ticket(caller, requests.get_ticket(1))).suggestions[0]
    assert (expired.status, expired.settled_by) == ("expired", None)
    assert expired.settled_at == expired.expires_at


async def test_who_comes_too_late_is_told_who_won_when_and_why_on_one_line(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    reason = f'Not "merged"\u202e yet:\nlook again. {"x" * 400}'
    await backend.act_on_suggestion(caller, requests.decline(suggestion, reason=reason))
    with pytest.raises(SuggestionNotPending) as lost:
        await backend.act_on_suggestion(caller, requests.execute(suggestion))
    told = lost.value.message
    assert told.startswith(
        "This suggestion is declined, no longer pending. It was settled at"
        " 2026-11-02T09:30:00.000Z by agent-1 (bot)"
    )
    assert "with the reason \"Not 'merged' yet: look again. xxx" in told
    assert told.endswith('x…". Nothing was changed.')


async def test_a_key_makes_a_second_proposal_the_first(backend: Backend, caller: Caller) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    keyed = requests.suggest_close(1, idempotency_key="k")
    first = await backend.suggest_close(caller, keyed)
    assert await backend.suggest_close(caller, keyed) == replay_of(first)
    assert (await backend.list_suggestions(caller, requests.list_suggestions())).total == 1


async def test_a_key_makes_a_second_action_the_first(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    keyed = requests.execute(suggestion, idempotency_key="k")
    first = await backend.act_on_suggestion(caller, keyed)
    assert first.apply_result is not None
    assert await backend.act_on_suggestion(caller, keyed) == replay_of(first)
    with pytest.raises(IdempotencyKeyReused):
        await backend.act_on_suggestion(caller, requests.decline(suggestion, idempotency_key="k"))


async def test_of_the_same_action_sent_sixteen_times_at_once_all_hear_what_it_did(
    backend: Backend, caller: Caller, suggestion: str
) -> None:
    keyed = requests.execute(suggestion, idempotency_key="k")
    answers = await asyncio.gather(*[backend.act_on_suggestion(caller, keyed) for _ in range(16)])
    assert [answer.replayed for answer in answers].count(False) == 1
    assert len({answer.model_dump_json() for answer in answers}) == 1
