"""Of many callers at the same moment one wins, and twice is once, in one process and in many."""

import asyncio
from pathlib import Path

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.backends.sqlite import SqliteDatabase
from mcp_handoff.backends.store.backend import StoreBackend
from tests import requests
from tests.backends.invariants import assert_whole
from tests.backends.racer_process import CALLER
from tests.backends.rivals import racers, told_at_once

SUGGESTIONS = 100
TURNS = 25
"""New stores that eight processes open at once."""


async def test_of_eight_processes_acting_on_one_suggestion_one_wins_and_the_others_are_told(
    store: Path,
) -> None:
    suggestions = await pending_suggestions(store, SUGGESTIONS)
    async with racers(8, store) as rivals:
        for suggestion in suggestions:
            answers = await told_at_once(rivals, f"act {suggestion}")
            [won] = [answer["won"] for answer in answers if "won" in answer]
            lost = [answer for answer in answers if "won" not in answer]
            assert {answer["error"] for answer in lost} == {"SUGGESTION_NOT_PENDING"}
            assert [answer["lost_to"] for answer in lost] == [won] * 7
    await assert_whole(store)


async def test_reading_the_status_before_writing_it_lets_several_win(store: Path) -> None:
    suggestions = await pending_suggestions(store, SUGGESTIONS)
    async with racers(8, store) as rivals:
        races = [await told_at_once(rivals, f"act_naively {one}") for one in suggestions]
    assert max(sum("won" in answer for answer in race) for race in races) > 1


async def test_the_same_create_from_sixteen_tasks_at_once_is_one_ticket(
    backend: Backend, caller: Caller
) -> None:
    request = requests.create_ticket(idempotency_key="once")
    answers = await asyncio.gather(*[backend.create_ticket(caller, request) for _ in range(16)])
    assert answers == [answers[0]] * 16
    found = await backend.find_tickets(caller, requests.find_tickets())
    assert found.tickets == [answers[0].ticket]


async def test_the_same_create_from_eight_processes_at_once_is_one_ticket(store: Path) -> None:
    async with racers(8, store) as rivals:
        told = await told_at_once(rivals, "create_twice once")
    answers = [created for answer in told for created in answer["created"]]
    assert answers == [answers[0]] * 16
    assert await ticket_numbers(store) == [1]


async def test_equal_creates_under_sixteen_keys_at_once_are_sixteen_tickets(
    backend: Backend, caller: Caller
) -> None:
    creates = [requests.create_ticket(idempotency_key=f"key {number}") for number in range(16)]
    answers = await asyncio.gather(*[backend.create_ticket(caller, one) for one in creates])
    assert {answer.ticket.number for answer in answers} == {*range(1, 17)}


async def test_eight_processes_that_open_a_new_store_at_once_make_it_once_and_all_work(
    tmp_path: Path,
) -> None:
    async with racers(8) as rivals:
        for turn in range(TURNS):
            store = tmp_path / f"{turn}.db"
            answers = await told_at_once(rivals, f"open_and_create {store}")
            assert [answer.get("message") for answer in answers] == [None] * 8
            assert sorted(answer["numbers"] for answer in answers) == [[n] for n in range(1, 9)]
            await assert_whole(store)


async def test_two_processes_that_file_25_tickets_each_number_them_1_to_50(store: Path) -> None:
    async with racers(2, store) as rivals:
        answers = await told_at_once(rivals, "create_many 25")
    assert sorted(n for answer in answers for n in answer["numbers"]) == [*range(1, 51)]
    assert await ticket_numbers(store) == [*range(1, 51)]
    await assert_whole(store)


async def pending_suggestions(store: Path, count: int) -> list[str]:
    backend = StoreBackend(SqliteDatabase.open(store))
    suggestions: list[str] = []
    for number in range(count):
        create = requests.create_ticket(idempotency_key=f"key {number}")
        ticket = (await backend.create_ticket(CALLER, create)).ticket.id
        suggested = await backend.suggest_close(CALLER, requests.suggest_close(ticket))
        suggestions.append(suggested.suggestion.id)
    await backend.close()
    return suggestions


async def ticket_numbers(store: Path) -> list[int]:
    database = SqliteDatabase.open(store, read_only=True)
    rows = await database.read(lambda tx: tx.all("SELECT number FROM tickets ORDER BY number"))
    await database.close()
    return [row["number"] for row in rows]
