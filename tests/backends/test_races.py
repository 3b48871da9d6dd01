"""Of many callers at the same moment one wins, and twice is once, in one process and in many."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.builds import GetBuild
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.invariants import assert_whole
from tests.backends.racer_process import CALLER
from tests.backends.rivals import racers, told_at_once
from tests.databases import EVERY_DATABASE, open_database

pytestmark = pytest.mark.proof

SUGGESTIONS = 100
TURNS = 25
"""New stores that eight processes open at once."""

CIRCLES = 15
"""Rounds of each length of circle."""


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


async def test_of_eight_processes_acting_on_one_suggestion_one_wins_and_the_others_are_told(
    database_name: str,
) -> None:
    suggestions = await pending_suggestions(database_name, SUGGESTIONS)
    async with racers(8, database_name) as rivals:
        for suggestion in suggestions:
            answers = await told_at_once(rivals, f"act {suggestion}")
            [won] = [answer["won"] for answer in answers if "won" in answer]
            lost = [answer for answer in answers if "won" not in answer]
            assert {answer["error"] for answer in lost} == {"SUGGESTION_NOT_PENDING"}
            assert [answer["lost_to"] for answer in lost] == [won] * 7
    await assert_whole(database_name)


async def test_of_two_proposals_for_one_ticket_at_once_one_closes_it_and_the_other_is_skipped(
    database_name: str,
) -> None:
    tickets = await open_tickets(database_name, TURNS)
    pairs = [await suggested(database_name, [ticket, ticket]) for ticket in tickets]
    async with racers(2, database_name) as rivals:
        for one, other in pairs:
            told = await told_at_once(rivals, f"execute_either {one} {other}")
            assert [answer["won"] for answer in told if "won" in answer] == ["executed"]
            [lost] = [answer for answer in told if "won" not in answer]
            assert (lost["error"], lost["lost_to"]) == ("SUGGESTION_NOT_PENDING", "skipped")
            assert " was closed by suggestion " in lost["message"]
    assert await count_of(database_name, "suggestion.skipped") == TURNS
    await assert_whole(database_name)


async def test_proposals_for_one_change_from_eight_processes_at_once_are_one(
    database_name: str,
) -> None:
    tickets = await open_tickets(database_name, TURNS)
    async with racers(8, database_name) as rivals:
        for ticket in tickets:
            told = await told_at_once(rivals, f"suggest {ticket}")
            assert len({answer["suggestion"] for answer in told}) == 1
            assert [answer["deduplicated"] for answer in told].count(False) == 1
    assert await count_of(database_name, "suggestion.created") == TURNS
    await assert_whole(database_name)


async def test_what_is_proposed_while_a_ticket_closes_is_skipped_with_it_or_refused(
    database_name: str,
) -> None:
    suggestions = await pending_suggestions(database_name, TURNS)
    async with racers(8, database_name) as rivals:
        for suggestion, ticket in zip(suggestions, await all_tickets(database_name), strict=True):
            told = await told_at_once(rivals, f"close_or_suggest {suggestion} {ticket}")
            assert {answer.get("error", "TICKET_CLOSED") for answer in told} == {"TICKET_CLOSED"}
    database = open_database(database_name)
    pending = await database.read(
        lambda tx: tx.fetch_all("SELECT id FROM suggestions WHERE status = 'pending'")
    )
    await database.close()
    assert pending == []


async def test_what_eight_processes_expire_at_once_expires_once(database_name: str) -> None:
    await pending_suggestions(database_name, TURNS)
    await make_due(database_name)
    async with racers(8, database_name) as rivals:
        told = await told_at_once(rivals, "expire")
    assert told == [{"expired": "all"}] * 8
    assert await count_of(database_name, "suggestion.expired") == TURNS
    await assert_whole(database_name)


async def test_reading_the_status_before_writing_it_lets_several_win(
    database_name: str,
) -> None:
    suggestions = await pending_suggestions(database_name, SUGGESTIONS)
    async with racers(8, database_name) as rivals:
        for suggestion in suggestions:
            answers = await told_at_once(rivals, f"act_naively {suggestion}")
            if sum("won" in answer for answer in answers) > 1:
                return
    pytest.fail("of those who look before they write, one won each time")


async def test_the_same_create_from_sixteen_tasks_at_once_is_one_ticket(
    backend: Backend, caller: Caller
) -> None:
    request = requests.create_ticket(idempotency_key="once")
    answers = await asyncio.gather(*[backend.create_ticket(caller, request) for _ in range(16)])
    assert [answer.replayed for answer in answers].count(False) == 1
    assert len({answer.model_dump_json() for answer in answers}) == 1
    found = await backend.find_tickets(caller, requests.find_tickets())
    assert [ticket.id for ticket in found.tickets] == [answers[0].ticket.id]


async def test_the_same_create_from_eight_processes_at_once_is_one_ticket(
    database_name: str,
) -> None:
    async with racers(8, database_name) as rivals:
        told = await told_at_once(rivals, "create_twice once")
    answers = [created for answer in told for created in answer["created"]]
    assert answers == [answers[0]] * 16
    assert await ticket_numbers(database_name) == [1]


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


async def test_equal_creates_without_a_key_from_eight_processes_at_once_are_one_ticket(
    database_name: str,
) -> None:
    async with racers(8, database_name) as rivals:
        for turn in range(TURNS):
            told = await told_at_once(rivals, f"create_equal {turn}")
            assert len({answer["number"] for answer in told}) == 1
            assert [answer["deduplicated"] for answer in told].count(False) == 1
    assert await ticket_numbers(database_name) == [*range(1, TURNS + 1)]


async def test_triggers_of_one_ticket_from_eight_processes_at_once_start_one_build(
    database_name: str,
) -> None:
    tickets = await open_tickets(database_name, TURNS)
    async with racers(8, database_name) as rivals:
        for ticket in tickets:
            told = await told_at_once(rivals, f"trigger {ticket}")
            assert len({answer["run"] for answer in told}) == 1
    await assert_whole(database_name)


async def test_dispatches_that_eight_processes_lease_at_once_are_leased_once(
    database_name: str,
) -> None:
    tickets = await open_tickets(database_name, TURNS)
    async with racers(8, database_name) as rivals:
        for ticket in tickets:
            await told_at_once(rivals[:1], f"trigger {ticket}")
        told = await told_at_once(rivals, "dispatch_all")
    leased = [run for answer in told for run in answer["leased"]]
    assert len(leased) == len(set(leased)) == TURNS
    assert await count_of(database_name, "build.dispatched") == TURNS


async def test_eight_processes_that_file_25_tickets_each_number_them_1_to_200(
    database_name: str,
) -> None:
    async with racers(8, database_name) as rivals:
        answers = await told_at_once(rivals, "create_many 25")
    assert sorted(n for answer in answers for n in answer["numbers"]) == [*range(1, 201)]
    assert await ticket_numbers(database_name) == [*range(1, 201)]
    await assert_whole(database_name)


async def test_names_that_eight_processes_take_at_once_are_taken_once(database_name: str) -> None:
    async with racers(8, database_name) as rivals:
        for turn in range(TURNS):
            told = await told_at_once(rivals, f"take_names {turn}")
            for taken in ("token", "project"):
                outcomes = [answer[taken] for answer in told]
                assert sorted(outcomes) == ["ALREADY_EXISTS"] * 7 + ["made"]


async def test_fields_of_a_build_that_eight_processes_set_at_once_are_all_set(
    database_name: str,
) -> None:
    [ticket] = await open_tickets(database_name, 1)
    backend = StoreBackend(open_database(database_name))
    async with racers(8, database_name) as rivals:
        [build] = {answer["build"] for answer in await told_at_once(rivals, f"trigger {ticket}")}
        for turn in range(TURNS):
            await told_at_once(rivals, f"describe {build} t{turn}")
            kept = await backend.get_build(CALLER, GetBuild(build_id=build))
            said = (kept.description, kept.display_name, (kept.metadata or {})["turn"])
            assert said == (f"t{turn}",) * 3
    await backend.close()


async def test_eight_processes_that_take_the_next_ticket_200_times_take_each_of_100_once(
    database_name: str,
) -> None:
    await open_tickets(database_name, 100)
    async with racers(8, database_name) as rivals:
        told = await told_at_once(rivals, "take_next 25")
    taken = [number for answer in told for number in answer["taken"]]
    assert sorted(number for number in taken if number) == [*range(1, 101)]
    assert taken.count(None) == 100
    assert await count_of(database_name, "ticket.taken") == 100
    await assert_whole(database_name)


async def test_reading_which_ticket_is_next_before_taking_it_gives_it_to_several(
    database_name: str,
) -> None:
    await open_tickets(database_name, 100)
    async with racers(8, database_name) as rivals:
        told = await told_at_once(rivals, "take_carelessly 25")
    taken = [number for answer in told for number in answer["taken"]]
    assert len(taken) > len(set(taken))


@pytest.mark.parametrize("length", [2, 8])
async def test_of_those_who_close_a_circle_of_links_at_once_one_is_refused(
    database_name: str, length: int
) -> None:
    await open_tickets(database_name, 8 * CIRCLES)
    async with racers(8, database_name) as rivals:
        for turn in range(CIRCLES):
            told = await told_at_once(rivals, f"link {8 * turn + 1} {length}")
            refused = [answer for answer in told if "changed" not in answer]
            assert [answer["error"] for answer in refused] == ["VALIDATION_ERROR"] * (8 // length)
            assert all("waits for this one" in answer["message"] for answer in refused)
    await assert_whole(database_name)


async def open_tickets(store: str, count: int) -> list[str]:
    backend = StoreBackend(open_database(store))
    creates = [requests.create_ticket(title=f"Fault {number}") for number in range(count)]
    tickets = [(await backend.create_ticket(CALLER, one)).ticket.id for one in creates]
    await backend.close()
    return tickets


async def all_tickets(store: str) -> list[str]:
    """Return the ids of all tickets, oldest first."""
    database = open_database(store, read_only=True)
    rows = await database.read(lambda tx: tx.fetch_all("SELECT id FROM tickets ORDER BY number"))
    await database.close()
    return [row["id"] for row in rows]


async def pending_suggestions(store: str, count: int) -> list[str]:
    return await suggested(store, await open_tickets(store, count))


async def suggested(store: str, tickets: Sequence[str]) -> list[str]:
    """Propose to close each ticket; return the ids of the proposals."""
    backend = StoreBackend(open_database(store))
    made = [await backend.suggest_close(CALLER, requests.suggest_close(one)) for one in tickets]
    await backend.close()
    return [one.suggestion.id for one in made]


async def make_due(store: str) -> None:
    database = open_database(store)
    await database.write(lambda tx: tx.execute("UPDATE suggestions SET expires_at = created_at"))
    await database.close()


async def count_of(store: str, kind: str) -> int:
    database = open_database(store)
    rows = await database.read(
        lambda tx: tx.fetch_all("SELECT 1 FROM events WHERE kind = :k", k=kind)
    )
    await database.close()
    return len(rows)


async def ticket_numbers(store: str) -> list[int]:
    database = open_database(store, read_only=True)
    rows = await database.read(
        lambda tx: tx.fetch_all("SELECT number FROM tickets ORDER BY number")
    )
    await database.close()
    return [row["number"] for row in rows]
