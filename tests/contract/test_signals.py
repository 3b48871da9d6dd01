"""What stands beside tickets on their cards, over every database."""

from typing import Any

import pytest

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.errors import NotFound, ValidationFailed
from mcp_handoff.principals import Principal
from mcp_handoff.projects import CreateProject
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.signals import MOST_TICKETS, ListSignals, Signals, signals_of
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.validation import Arguments
from tests import requests
from tests.facts import REPOSITORY, check, pull_request, push, sha
from tests.merges.desk import Desk

MERGE = sha("m")


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database a test runs over: no API tells of signals."""
    return request.param


@pytest.fixture
async def desk(backend: StoreBackend, caller: Caller) -> Desk:
    """A desk with tickets 1 to 9 in project shop, which GitHub's acme/shop is linked to."""
    desk = Desk(backend, caller)
    for number in range(1, 10):
        await desk.file_ticket(title=f"Step number {number}", roles=["backend", "qa"])
    await backend.link_repository(caller, LinkRepository(name=REPOSITORY))
    return desk


def asked(*tickets: str | int, project: str | None = None) -> ListSignals:
    return Arguments(ListSignals, {"tickets": [*tickets], "project": project}).parse("user")


async def signals(desk: Desk, *tickets: str | int, **fields: Any) -> dict[str, Signals]:
    return (await desk.backend.list_signals(desk.caller, asked(*tickets, **fields))).signals


async def build(desk: Desk, ticket: int) -> str:
    """Trigger a build that is given up again at the next one; return its id."""
    trigger = requests.trigger_bot_build(ticket, provider="docker")
    triggered = await desk.backend.trigger_bot_build(desk.caller, trigger)
    build_id: str = triggered.ticket.ai_output["build_run"]["build_id"]
    over = requests.report_build("failed", build_id=build_id, url=f"https://ci.invalid/{ticket}")
    await desk.backend.report_build(desk.caller, over)
    return build_id


async def test_who_holds_what_what_blocks_and_the_newest_build_and_change_stand_beside_a_ticket(
    desk: Desk,
) -> None:
    await desk.backend.take_ticket(desk.caller, requests.take_ticket("backend", ticket=1))
    await desk.update(blocked_by=[2, 3])
    await build(desk, 1)
    newest = await build(desk, 1)
    await desk.hear(pull_request(50, 1), check(sha("head50"), "failed", 2))
    found = await signals(desk, 1, 4)
    beside = found["HO-1-shop"]
    assert [(take.role, take.holder) for take in beside.takes] == [
        ("backend", "agent-1 (bot), without a token")
    ]
    assert (beside.open_blockers, beside.more_blockers) == (["HO-3-shop", "HO-2-shop"], False)
    assert beside.build is not None
    assert (beside.build.id, beside.build.status) == (newest, "failed")
    assert beside.build.url == "https://ci.invalid/1"
    assert beside.change is not None
    assert (beside.change.name, beside.change.state) == (f"{REPOSITORY}#50", "open")
    assert (beside.change.checks, beside.change.url) == (
        "failed",
        f"https://github.com/{REPOSITORY}/pull/50",
    )
    assert found["HO-4-shop"] == Signals()


async def test_what_is_over_stands_beside_no_ticket(desk: Desk) -> None:
    await desk.backend.take_ticket(desk.caller, requests.take_ticket("backend", ticket=1))
    await desk.update(role="backend", role_status="done", note="It is lifted.")
    await desk.update(blocked_by=[2])
    closing = requests.update_ticket(2, close_as="wont_fix", note="Nobody needs it.")
    await desk.backend.update_ticket(desk.caller, closing)
    out_of_use = requests.update_build(await build(desk, 1), is_active=False)
    await desk.backend.update_build(desk.caller, out_of_use)
    assert await signals(desk, 1) == {"HO-1-shop": Signals()}


async def test_five_of_the_tickets_that_block_one_are_named(desk: Desk) -> None:
    await desk.update(blocked_by=[2, 3, 4, 5, 6])
    assert not (await signals(desk, 1))["HO-1-shop"].more_blockers
    await desk.update(blocked_by=[2, 3, 4, 5, 6, 7])
    beside = (await signals(desk, 1))["HO-1-shop"]
    assert beside.open_blockers == [f"HO-{number}-shop" for number in (7, 6, 5, 4, 3)]
    assert beside.more_blockers


async def test_what_declares_to_close_a_ticket_stands_beside_it_before_what_mentions_it(
    desk: Desk,
) -> None:
    shown: list[tuple[str, str]] = []
    for told in (
        push(1, ("a", "Part of HO-1")),
        pull_request(50, 2, state="closed"),
        pull_request(51, 3, draft=True),
        pull_request(52, 4, merge_sha=MERGE),
        push(5, ("b", "Part of HO-1")),
        push(6, ("r", f"This reverts commit {MERGE}.")),
        push(7, ("s", f"This reverts commit {sha('r')[:9]}.")),
    ):
        await desk.hear(told)
        change = (await signals(desk, 1))["HO-1-shop"].change
        assert change is not None
        shown.append((change.name.removeprefix(REPOSITORY), change.state))
    assert shown == [
        (f"@{sha('a')[:12]}", "merged"),
        ("#50", "closed"),
        ("#51", "draft"),
        ("#52", "merged"),
        ("#52", "merged"),
        ("#52", "reverted"),
        ("#52", "merged"),
    ]


async def test_signals_are_those_of_the_tickets_read_one_by_one(desk: Desk) -> None:
    for ticket in (1, 2, 3):
        take = requests.take_ticket("backend", ticket=ticket)
        await desk.backend.take_ticket(desk.caller, take)
        builds = [await build(desk, ticket) for _ in range(ticket)]
        out_of_use = requests.update_build(builds[-1], is_active=False)
        await desk.backend.update_build(desk.caller, out_of_use)
    await desk.update(blocked_by=[2, 3, 4, 5, 6, 7, 8])
    for number, body in enumerate(("Closes HO-1", "Closes HO-2", "See HO-3, HO-4"), start=50):
        merged = pull_request(number, number, body=body, merge_sha=sha(f"m{number}"))
        await desk.hear(merged, check(sha(f"m{number}"), "passed", 55))
    await desk.hear(push(56, ("a", "Part of HO-5"), ("b", "Part of HO-6"), ("c", "Closes HO-7")))
    await desk.hear(push(57, ("r", f"This reverts commit {sha('b')}.")))
    await desk.hear(push(58, ("s", f"This reverts commit {sha('m51')[:8]}.")))
    whole = {f"HO-{number}-shop": signals_of(await desk.detail(number)) for number in range(1, 10)}
    assert await signals(desk, *range(1, 10)) == whole
    states = [one.change and one.change.state for one in whole.values()]
    merged, back = "merged", "reverted"
    assert states == [merged, back, merged, merged, merged, back, merged, None, None]


async def test_a_ticket_is_found_by_any_of_its_names_and_told_of_once(desk: Desk) -> None:
    await desk.start_project("app")
    await desk.file_ticket(project="app")
    uuid = (await desk.detail()).ticket.id
    found = await signals(desk, 1, "ho-1-SHOP", uuid, "HO-1-app", 2, 99, "HO-1-nowhere")
    assert found.keys() == {"HO-1-shop", "HO-2-shop", "HO-1-app"}
    assert (await signals(desk, 1, "HO-2-shop", project="app")).keys() == {"HO-1-app", "HO-2-shop"}
    assert await signals(desk) == {}
    with pytest.raises(NotFound, match="there are app, shop"):
        await signals(desk, 1, project="nowhere")


async def test_whoever_sees_some_projects_hears_of_no_ticket_of_another(desk: Desk) -> None:
    await desk.backend.create_project(desk.caller, CreateProject(name="app"))
    uuid = (await desk.detail()).ticket.id
    limited = Principal("t-1", "app-reader", "reader", frozenset({"app"}))
    reader = Caller(Actor("user", "portal", "app-reader"), "app", principal=limited)
    request = asked(1, "HO-1-shop", uuid)
    assert (await desk.backend.list_signals(reader, request)).signals == {}


async def test_the_signals_of_so_many_tickets_are_listed_at_once(desk: Desk) -> None:
    assert len(await signals(desk, *range(1, MOST_TICKETS + 1))) == 9
    with pytest.raises(ValidationFailed, match=f"at most {MOST_TICKETS}"):
        asked(*range(1, MOST_TICKETS + 2))
