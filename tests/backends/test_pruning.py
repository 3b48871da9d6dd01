"""What is deleted once it has been closed for long, and what stays."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from mcp_handoff.dispatches import Attempt
from mcp_handoff.errors import NotFound
from mcp_handoff.progress import untold
from mcp_handoff.pruning import Prune, Pruned
from mcp_handoff.receivers import SetReceiver
from mcp_handoff.redactions import RedactTicket
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.runs import ReportRun
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store import pruning
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests import requests
from tests.archives import exported, imported, lines_of
from tests.backends.children import child
from tests.backends.interleaving import interleaved
from tests.backends.invariants import check_search_index, damage
from tests.backends.planting import ADMIN, CI, found, plant
from tests.clock import SteppedClock
from tests.databases import open_database
from tests.facts import REPOSITORY

pytestmark = pytest.mark.proof

TEXT = "Zwiebelkuchen"

SECONDS = 30


async def close(store: StoreBackend, *numbers: int) -> None:
    for number in numbers:
        closing = requests.update_ticket(number, close_as="wont_fix", note="Not now.")
        await store.update_ticket(CI, closing)


async def prune(store: StoreBackend, days: int, **fields: object) -> Pruned:
    return await store.prune(
        ADMIN, Prune.model_validate({"older_than_days": days, **fields}), untold
    )


async def numbers(store: StoreBackend) -> list[int | None]:
    page = await store.find_tickets(CI, requests.find_tickets())
    return [ticket.number for ticket in page.tickets]


async def words(store: StoreBackend) -> set[str]:
    """Return the words that mistaken ones of a search may stand for."""
    rows = await store.database.read(lambda tx: tx.fetch_all("SELECT word FROM project_words"))
    return {row["word"] for row in rows}


async def filed(store: StoreBackend, count: int) -> None:
    """File tickets of different titles."""
    for number in range(count):
        await store.create_ticket(CI, requests.create_ticket(title=f"Fault number {number}"))


async def test_with_an_old_ticket_all_goes_that_hangs_on_it(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    await plant(desk, TEXT)
    await close(desk, 2)
    ids = [ticket.id for ticket in (await desk.find_tickets(CI, requests.find_tickets())).tickets]
    clock.advance(days=30, seconds=1)
    pruned = await prune(desk, 30)
    assert (pruned.tickets, pruned.held) == (2, 0)
    assert pruned.keys > 10
    # What a forge told of its own, and what FTS5 has marked as deleted until it merges its index.
    left = {"pull_requests.title", "ticket_terms_data.block"}
    assert await found(desk, *ids, TEXT.lower()) <= left
    if isinstance(desk.database, SqliteDatabase):
        assert await desk.database.read(damage) == []
        await desk.database.write(check_search_index)


async def test_those_go_that_were_closed_so_long_ago_and_no_numbers_are_given_again(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    await filed(desk, 4)
    await close(desk, 3, 4)
    clock.advance(days=10)
    await close(desk, 1)
    assert (await prune(desk, 10)).tickets == 0
    clock.advance(milliseconds=1)
    pruned = await prune(desk, 10)
    assert (pruned.tickets, pruned.before) == (2, "2026-11-02T09:30:00.001Z")
    assert await numbers(desk) == [2, 1]
    await filed(desk, 1)
    assert await numbers(desk) == [5, 2, 1]


async def test_a_dry_run_counts_the_same_and_changes_nothing(
    desk: StoreBackend, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    monkeypatch.setattr(pruning, "LOOKED_THROUGH", 3)
    await filed(desk, 9)
    await close(desk, 1, 2, 3, 5, 7, 8, 9)
    clock.advance(days=2)
    await desk.create_ticket(CI, requests.create_ticket(blocked_by=["3"], idempotency_key="k"))
    before = await desk.list_events(CI, requests.list_events(limit=200))
    dry = await prune(desk, 1, dry_run=True)
    assert await desk.list_events(CI, requests.list_events(limit=200)) == before
    assert len(await numbers(desk)) == 10
    assert await prune(desk, 1) == dry
    assert (dry.tickets, dry.held) == (6, 1)
    assert await numbers(desk) == [10, 6, 4, 3]


async def test_a_ticket_that_an_open_one_was_blocked_by_stays_until_that_is_closed(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    await filed(desk, 1)
    await desk.create_ticket(CI, requests.create_ticket(blocked_by=["1"]))
    await close(desk, 1)
    clock.advance(days=2)
    assert (await prune(desk, 1)).held == 1
    detail = await desk.get_ticket(CI, requests.get_ticket(2))
    assert [one.reference for one in detail.blocked_by] == ["HO-1-shop"]
    assert [note.body for note in detail.notes] == ["Not now."]
    await close(desk, 2)
    assert (await prune(desk, 1)).tickets == 1
    assert await numbers(desk) == [2]
    assert (await desk.get_ticket(CI, requests.get_ticket(2))).blocked_by == []


def reopen(store: StoreBackend) -> Awaitable[object]:
    returned = requests.update_ticket(1, role="backend", role_status="pending", note="Again.")
    return store.update_ticket(CI, returned)


def block_another(store: StoreBackend) -> Awaitable[object]:
    return store.create_ticket(CI, requests.create_ticket(blocked_by=["1"]))


@pytest.mark.parametrize("change", [reopen, block_another])
async def test_a_ticket_stays_that_is_found_old_and_then_reopened_or_waited_for(
    desk: StoreBackend,
    clock: SteppedClock,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[StoreBackend], Awaitable[object]],
) -> None:
    await desk.create_ticket(CI, requests.create_ticket(title="Apfelmus", roles=["backend"]))
    await filed(desk, 1)
    await close(desk, 1, 2)
    clock.advance(days=2)
    write = desk.database.write

    async def write_after_the_change(operation: Callable[[Transaction], int]) -> int:
        monkeypatch.undo()
        await change(desk)
        return await write(operation)

    monkeypatch.setattr(desk.database, "write", write_after_the_change)
    assert (await prune(desk, 1)).tickets == 1
    assert (await desk.get_ticket(CI, requests.get_ticket(1))).ticket.title == "Apfelmus"
    assert "apfelmus" in await words(desk)


async def test_of_one_project_its_tickets_go_and_no_keys(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    for project in ("shop", "app"):
        caller = replace(CI, project=project)
        await desk.create_ticket(caller, requests.create_ticket(idempotency_key=project))
        closing = requests.update_ticket(1, close_as="wont_fix", note="Not now.")
        await desk.update_ticket(caller, closing)
    clock.advance(days=2)
    pruned = await prune(desk, 1, project="app")
    assert (pruned.tickets, pruned.keys) == (1, 0)
    assert await numbers(desk) == [1]
    with pytest.raises(NotFound, match="is not here; there are app, shop"):
        await prune(desk, 1, project="nowhere")
    assert (await prune(desk, 1)).keys == 2


async def test_history_says_who_pruned_and_goes_on_where_it_was(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    await filed(desk, 2)
    await close(desk, 1, 2)
    followed = await desk.list_events(CI, requests.list_events())
    clock.advance(days=2)
    await prune(desk, 1)
    page = await desk.list_events(CI, requests.list_events(cursor=followed.next_cursor))
    [event] = page.events
    assert (event.kind, event.actor_id) == ("project.pruned", "root")
    assert event.after == {"tickets": 2, "closed_before": "2026-11-03T09:30:00.000Z"}


async def test_words_that_other_tickets_have_stay(desk: StoreBackend, clock: SteppedClock) -> None:
    for title in ("Pfannkuchen and Apfelmus", "Pfannkuchen alone"):
        await desk.create_ticket(CI, requests.create_ticket(title=title))
    await close(desk, 1)
    clock.advance(days=2)
    await prune(desk, 1)
    near = requests.find_tickets(query="pfannkuchem")
    assert [one.number for one in (await desk.find_tickets(CI, near)).tickets] == [2]
    assert await found(desk, "apfelmus") == set()


async def test_a_prune_that_is_killed_leaves_no_word_that_only_deleted_tickets_had(
    desk: StoreBackend, place: str
) -> None:
    titles = ("Apfelmus", "Birnbrot", "Pfannkuchen", "Rosinenstuten", "Pfannkuchen again")
    for title in titles:
        await desk.create_ticket(CI, requests.create_ticket(title=title))
    await close(desk, 1, 2, 3, 4)
    await desk.database.write(
        lambda tx: tx.execute("UPDATE tickets SET resolved_at = '2020-01-01T00:00:00.000Z'")
    )
    with anyio.fail_after(SECONDS):
        async with child("pruner_process", place) as pruner:
            for ticket in (1, 2, 3):
                assert await pruner.line() == f"Pruning {ticket} 5"
                if ticket < 3:
                    await pruner.tell("")
            assert await pruner.kill() == []
    assert await numbers(desk) == [5, 4]
    planted = {"apfelmus", "birnbrot", "pfannkuchen", "rosinenstuten"}
    assert planted & await words(desk) == {"pfannkuchen", "rosinenstuten"}
    assert (await prune(desk, 1)).tickets == 1
    assert planted & await words(desk) == {"pfannkuchen"}


async def test_many_words_at_once_are_pruned_in_several_transactions(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    for number in range(1, 10):
        said = " ".join(f"w{number}x{word}" for word in range(600))
        await desk.create_ticket(CI, requests.create_ticket(title=TEXT, description=said))
        await close(desk, number)
    clock.advance(days=2)
    assert (await prune(desk, 1)).tickets == 9
    events = (await desk.list_events(CI, requests.list_events(limit=200))).events
    pruned = [event.after for event in events if event.kind == "project.pruned"]
    assert [after and after["tickets"] for after in pruned] == [3, 3, 3]
    assert await words(desk) == set()


async def test_who_hears_of_changes_hears_of_it(desk: StoreBackend, clock: SteppedClock) -> None:
    await filed(desk, 1)
    await close(desk, 1)
    clock.advance(days=2)
    with anyio.fail_after(SECONDS):
        async with desk.changes() as changes:
            await prune(desk, 1)
            while (await anext(changes)).kind != "project.pruned":
                pass


async def test_a_ticket_that_a_forge_mentions_as_it_goes_is_gone_all_the_same(
    postgres: str, clock: SteppedClock
) -> None:
    store = StoreBackend(open_database(postgres, clock=clock))
    await filed(store, 1)
    await close(store, 1)
    clock.advance(days=2)
    linked = await store.link_repository(ADMIN, LinkRepository(name=REPOSITORY))

    def mention(tx: Transaction) -> None:
        tx.fetch_one(
            "INSERT INTO mentions (ticket_id, repository_id, change, closes)"
            " SELECT id, :repository_id, '50', 0 FROM tickets RETURNING ticket_id",
            repository_id=linked.repository.id,
        )

    _, pruned = await interleaved(
        store,
        lambda pause: store.database.write(lambda tx: (mention(tx), pause())),
        lambda: prune(store, 1),
    )
    assert pruned.tickets == 1
    assert await numbers(store) == []
    await store.close()


async def test_what_was_pruned_or_redacted_is_in_no_export_and_comes_back_with_no_old_one(
    store: Path, postgres: str, tmp_path: Path, clock: SteppedClock
) -> None:
    old, file = tmp_path / "old", tmp_path / "archive"
    backend = StoreBackend(open_database(str(store), clock=clock))
    await plant(backend, TEXT)
    await close(backend, 2)
    clock.advance(days=30, seconds=1)
    await backend.create_ticket(CI, requests.create_ticket(description="Speckkuchen, baked."))
    old.write_text(await exported(store))
    assert (await prune(backend, 30)).tickets == 2
    await backend.redact_ticket(ADMIN, RedactTicket(ticket="3", text="Speckkuchen"))
    await backend.close()
    file.write_text(await exported(store))
    pull_requests = [line for line in lines_of(file.read_text()) if TEXT in line]
    assert [json.loads(line)["row"] for line in pull_requests] == ["pull_request"]
    assert "Speckkuchen" not in file.read_text()
    assert (await imported(postgres, file)).problems == []
    assert await exported(postgres) == file.read_text()
    refused = await imported(postgres, old)
    assert any("ticket" in why and "differs" in why for why in refused.problems)
    assert await exported(postgres) == file.read_text()
    backend = StoreBackend(open_database(postgres, clock=clock))
    next_one = await backend.create_ticket(CI, requests.create_ticket(title="The next"))
    assert next_one.ticket.reference == "HO-4-shop"
    await backend.close()


async def test_what_was_being_sent_when_it_was_pruned_is_settled_without_a_word(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    await desk.set_receiver(ADMIN, SetReceiver(url="https://builds.invalid/"))
    await filed(desk, 1)
    await desk.trigger_bot_build(CI, requests.trigger_bot_build(1))
    await close(desk, 1)
    clock.advance(days=2)
    leased = await desk.lease_dispatch()
    assert leased is not None
    await prune(desk, 1)
    await desk.settle_dispatch(leased, Attempt())
    assert await desk.count_dispatches() == 0
    late = ReportRun(run_id=leased.id, status="succeeded")
    with pytest.raises(NotFound, match="names no run"):
        await desk.report_run(CI, late)
