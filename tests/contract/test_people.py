"""Who works in a project, over every database."""

from dataclasses import replace

import pytest

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.errors import NotFound
from mcp_handoff.people import SEEN_DAYS, ListPeople, Person, PersonList
from mcp_handoff.principals import Principal
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.store import people
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.clock import SteppedClock
from tests.facts import REPOSITORY, delivery, pull_request, sha

MIA = Caller(Actor("user", "portal", "mia"), "shop", principal=Principal("t-1", "mia", "user"))
CI = Caller(bot("ci"), "shop", principal=Principal("t-2", "ci", "bot"))
ADMIN = Caller(Actor("user", "portal", "root"), "shop", principal=Principal("t-3", "root", "admin"))


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs over: no API tells of people."""
    return request.param


@pytest.fixture(autouse=True)
async def tickets(backend: StoreBackend, clock: SteppedClock) -> None:
    """Tickets 1 to 3, filed by mia, each a minute after the other."""
    for number in range(1, 4):
        roles = ["backend", "design", "qa"]
        filed = requests.create_ticket(title=f"Step number {number}", roles=roles)
        await backend.create_ticket(MIA, filed)
        clock.advance(minutes=1)


async def listed(backend: StoreBackend) -> PersonList:
    return await backend.list_people(MIA, ListPeople())


async def by_name(backend: StoreBackend) -> dict[str, Person]:
    return {person.name: person for person in (await listed(backend)).people}


async def finish(backend: StoreBackend, caller: Caller, ticket: int, role: str) -> None:
    done = requests.update_ticket(ticket, role=role, role_status="done", note="It is done.")
    await backend.update_ticket(caller, done)


async def test_whoever_was_heard_of_last_comes_first_with_what_it_holds(
    backend: StoreBackend, clock: SteppedClock
) -> None:
    await backend.take_ticket(CI, requests.take_ticket("backend", ticket=2))
    [first, second] = (await listed(backend)).people
    assert (first.name, first.last_seen) == ("ci (bot)", "2026-11-02T09:33:00.000Z")
    assert [(held.ticket, held.title, held.take.role) for held in first.held] == [
        ("HO-2-shop", "Step number 2", "backend")
    ]
    assert (second.name, second.last_seen) == ("mia (user)", "2026-11-02T09:32:00.000Z")
    assert (second.held, second.done) == ([], 0)
    clock.advance(minutes=1)
    await backend.add_message(MIA, requests.add_message(1, "How is it going?"))
    assert [*await by_name(backend)] == ["mia (user)", "ci (bot)"]


async def test_roles_are_counted_that_somebody_finished_and_no_others(
    backend: StoreBackend,
) -> None:
    await backend.take_ticket(CI, requests.take_ticket("backend", ticket=1))
    await finish(backend, CI, 1, "backend")
    await finish(backend, CI, 1, "design")
    await finish(backend, MIA, 2, "design")
    again = requests.update_ticket(1, role="backend", role_status="pending", note='Not "done".')
    await backend.update_ticket(MIA, again)
    skipped = requests.update_ticket(3, role="qa", role_status="skipped", note="Nothing to test.")
    await backend.update_ticket(MIA, skipped)
    suggested = await backend.suggest_close(CI, requests.suggest_close(2))
    await backend.act_on_suggestion(MIA, requests.execute(suggested.suggestion.id))
    assert {name: one.done for name, one in (await by_name(backend)).items()} == {
        "ci (bot)": 2,
        "mia (user)": 1,
    }


async def test_the_role_that_closes_a_ticket_counts_too(backend: StoreBackend) -> None:
    question = requests.create_ticket(title="Which colour?", request_type="decision_needed")
    await backend.create_ticket(MIA, question)
    await finish(backend, CI, 4, "backend")
    assert (await backend.get_ticket(CI, requests.get_ticket(4))).ticket.status == "closed"
    assert (await by_name(backend))["ci (bot)"].done == 1


async def test_after_some_days_those_alone_are_left_who_hold_something(
    backend: StoreBackend, clock: SteppedClock
) -> None:
    await backend.take_ticket(CI, requests.take_ticket("backend", ticket=1))
    clock.advance(days=SEEN_DAYS, minutes=-1)
    assert [*await by_name(backend)] == ["ci (bot)", "mia (user)"]
    clock.advance(minutes=2)
    [left] = (await listed(backend)).people
    assert (left.name, left.last_seen, left.done) == ("ci (bot)", None, 0)
    assert [held.take.stale for held in left.held] == [True]


async def test_a_credential_made_anew_under_its_name_and_its_holder_are_one(
    backend: StoreBackend,
) -> None:
    anew = replace(MIA, principal=Principal("t-9", "mia", "user"))
    await backend.take_ticket(anew, requests.take_ticket("backend", ticket=1))
    borrowed = replace(MIA, principal=Principal("t-8", "spare", "user"))
    await finish(backend, borrowed, 2, "design")
    names = await by_name(backend)
    assert names.keys() == {"mia (user)", "mia (user), with token spare"}
    assert len(names["mia (user)"].held) == 1


async def test_what_is_no_work_on_a_ticket_lists_nobody(backend: StoreBackend) -> None:
    await backend.link_repository(ADMIN, LinkRepository(name=REPOSITORY))
    merged = delivery(pull_request(50, 1, merge_sha=sha("m")))
    await backend.take_delivery("github", merged, MIA.policy)
    assert [*await by_name(backend)] == ["mia (user)"]


@pytest.mark.parametrize("bound", ["LOOKED_THROUGH", "MOST_PEOPLE", "MOST_FINISHED", "MOST_TAKES"])
async def test_what_is_more_than_is_looked_at_is_told(
    backend: StoreBackend, clock: SteppedClock, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("backend", "design"):
        await backend.take_ticket(CI, requests.take_ticket(role, ticket=1))
        await backend.take_ticket(CI, requests.take_ticket(role, ticket=2))
        await finish(backend, CI, 1, role)
    assert not (await listed(backend)).more
    monkeypatch.setattr(people, bound, 1)
    assert (await listed(backend)).more


async def test_a_project_that_is_not_used_has_nobody_and_one_that_is_not_seen_is_not_found(
    backend: StoreBackend,
) -> None:
    assert await backend.list_people(replace(MIA, project="app"), ListPeople()) == PersonList(
        people=[]
    )
    guest = Principal("t-7", "guest", "reader", frozenset({"app"}))
    limited = replace(MIA, project="app", principal=guest)
    for caller, name in ((MIA, "nowhere"), (limited, "shop")):
        with pytest.raises(NotFound):
            await backend.list_people(caller, ListPeople(project=name))
