"""Tickets of other trackers are filed once, or not at all."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.progress import Abandoned, Progress, untold
from mcp_handoff.pruning import Prune
from mcp_handoff.redactions import MARK, RedactTicket
from mcp_handoff.store import pruning
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests import requests
from tests.backends.interleaving import interleaved
from tests.backends.invariants import assert_whole
from tests.databases import open_database
from tests.http.served import command
from tests.imports.filing import SHOP, beads_of, filed, issues, numbers_in, read, thread_of
from tests.imports.samples import BACKLOG, bead, gh_comment, gh_issue

pytestmark = pytest.mark.proof


def paused_at(step: int, pause: Callable[[], None]) -> Progress:
    """Return what pauses an import when it has come to its ticket of this number."""

    def progress(_: str, done: int, total: int | None = None, /) -> None:
        if done == step:
            pause()

    return progress


async def test_what_is_imported_twice_is_there_once_and_stays_as_it_became(
    database_name: str, file: Path
) -> None:
    incoming = beads_of(file, bead("bd-1"), bead("bd-2"))
    await filed(database_name, incoming)
    backend = StoreBackend(open_database(database_name))
    changed = requests.update_ticket(1, close_as="wont_fix", note="Not now.")
    await backend.update_ticket(SHOP, changed)
    before = await backend.list_events(SHOP, requests.list_events(limit=100))
    waits = bead("bd-3", dependencies=[{"depends_on_id": "bd-1", "type": "blocks"}])
    more = beads_of(file, bead("bd-1"), bead("bd-2"), waits)
    again = await backend.import_tickets(SHOP, more, untold, dry_run=False)
    assert (dict(again.added), again.present) == ({"ticket": 1}, 2)
    third = await backend.import_tickets(SHOP, more, untold, dry_run=False)
    assert (dict(third.added), third.present) == ({}, 3)
    after = await backend.list_events(SHOP, requests.list_events(limit=100))
    assert len(after.events) == len(before.events) + 1
    await backend.close()
    closed, _, new = await read(database_name, 1, 2, 3)
    assert (closed.ticket.status, new.open_blockers) == ("closed", [])
    await assert_whole(database_name)


async def test_what_was_said_there_since_is_added_once_with_its_author_and_date(
    database_name: str, file: Path
) -> None:
    first, second, long, last = (
        gh_comment("bob", "Here too.", "2025-03-20T09:30:00Z"),
        gh_comment("ada", "Found it.", "2025-03-20T09:30:00Z"),
        gh_comment("eve", "answer " * 4_000, "2025-03-21T09:30:00Z"),
        gh_comment("bob", "Thanks!", "2025-03-22T09:30:00Z"),
    )
    long_issue = gh_issue(1, body="word " * 2_000, comments=[first, second])
    await filed(database_name, issues(file, long_issue, gh_issue(2)))
    before, said = await read(database_name, 1, 2), await thread_of(database_name, 1)
    # The first comment was deleted there, and the description became short.
    incoming = issues(file, gh_issue(1, comments=[second, long, last]), gh_issue(2))
    tried = await filed(database_name, incoming, dry_run=True)
    assert await read(database_name, 1, 2) == before
    done = await filed(database_name, incoming)
    assert tried == done
    assert (dict(done.added), done.present) == ({"message": 3}, 2)
    again = await filed(database_name, incoming)
    assert (dict(again.added), again.present) == ({}, 2)
    changed, same = await read(database_name, 1, 2)
    assert same == before[1]
    assert changed.ticket == before[0].ticket
    thread = await thread_of(database_name, 1)
    assert thread[: len(said)] == said
    assert [(one.actor_id, one.created_at) for one in thread[len(said) :]] == [
        ("eve", "2025-03-21T09:30:00.000Z"),
        ("eve", "2025-03-21T09:30:00.000Z"),
        ("bob", "2025-03-22T09:30:00.000Z"),
    ]
    event = changed.events[0]
    assert (event.kind, event.actor_id, event.source) == ("message.added", "bob", "github")
    assert event.created_at == "2025-03-22T09:30:00.000Z"
    await assert_whole(database_name)


async def test_a_comment_that_was_redacted_here_stays_so(database_name: str, file: Path) -> None:
    comment = gh_comment("bob", "My door code is Zwiebelkuchen.", "2025-03-20T09:30:00Z")
    incoming = issues(file, gh_issue(1, comments=[comment]))
    await filed(database_name, incoming)
    backend = StoreBackend(open_database(database_name))
    await backend.redact_ticket(SHOP, RedactTicket(ticket="1", text="Zwiebelkuchen"))
    again = await backend.import_tickets(SHOP, incoming, untold, dry_run=False)
    await backend.close()
    assert (dict(again.added), again.present) == ({}, 1)
    [detail] = await read(database_name, 1)
    assert [one.body for one in detail.messages] == [f"My door code is {MARK}."]


async def test_what_is_otherwise_there_by_now_is_told_and_stays_as_it_is_here(
    database_name: str, file: Path
) -> None:
    await filed(database_name, issues(file, *map(gh_issue, range(1, 6))))
    backend = StoreBackend(open_database(database_name))
    for number in (2, 3):
        changed = requests.update_ticket(number, close_as="wont_fix", note="Not now.")
        await backend.update_ticket(SHOP, changed)
    await backend.close()
    before = await read(database_name, 1, 2, 3, 4, 5)
    closed = {"state": "CLOSED", "closedAt": "2025-03-20T09:30:00Z"}
    incoming = issues(
        file,
        gh_issue(1, **closed),
        gh_issue(2),
        gh_issue(3, **closed),
        gh_issue(4, title="Checkout fails at 399 items"),
        gh_issue(5, labels=[]),
    )
    for dry_run in (True, False):
        done = await filed(database_name, incoming, dry_run=dry_run)
        assert (dict(done.added), done.present) == ({}, 5)
        assert done.differing == {
            "closed there and open here": ["HO-1-shop"],
            "open there and closed here": ["HO-2-shop"],
            "worded otherwise there": ["HO-4-shop"],
        }
    assert await read(database_name, 1, 2, 3, 4, 5) == before


async def test_what_was_said_since_in_a_ticket_that_is_pruned_meanwhile_comes_with_it_again(
    postgres: str, file: Path
) -> None:
    closed = {"state": "CLOSED", "closedAt": "2025-03-20T09:30:00Z"}
    comment = gh_comment("bob", "Here too.", "2025-03-21T09:30:00Z")
    await filed(postgres, issues(file, gh_issue(1, **closed)))
    incoming = issues(file, gh_issue(1, comments=[comment], **closed))
    store = StoreBackend(open_database(postgres))

    async def prune(pause: Callable[[], None]) -> object:
        def delete(tx: Transaction) -> None:
            [ticket] = tx.fetch_all("SELECT id FROM tickets")
            assert pruning.delete_tickets(tx, SHOP, asked, [ticket["id"]]) == 1
            pause()

        request = Prune(older_than_days=1)
        asked = await store.database.read(lambda tx: pruning.plan(tx, SHOP, request))
        return await store.database.write(delete)

    _, done = await interleaved(
        store, prune, lambda: store.import_tickets(SHOP, incoming, untold, dry_run=False)
    )
    await store.close()
    assert (dict(done.added), done.present) == ({"ticket": 1, "message": 1}, 0)


async def test_a_ticket_that_is_pruned_once_it_was_seen_is_not_in_the_way_of_others(
    postgres: str, file: Path
) -> None:
    closed = {"state": "CLOSED", "closedAt": "2025-03-20T09:30:00Z"}
    await filed(postgres, issues(file, gh_issue(1), gh_issue(2, **closed)))
    incoming = issues(file, gh_issue(1), gh_issue(2, **closed), gh_issue(3))
    store = StoreBackend(open_database(postgres))
    done, pruned = await interleaved(
        store,
        lambda pause: store.import_tickets(SHOP, incoming, paused_at(1, pause), dry_run=False),
        lambda: store.prune(SHOP, Prune(older_than_days=1), untold),
    )
    await store.close()
    assert (pruned.tickets, dict(done.added), done.present) == (1, {"ticket": 1}, 2)
    assert await numbers_in(postgres) == [3, 1]


async def test_two_imports_of_the_same_tickets_at_once_file_them_once(
    postgres: str, file: Path
) -> None:
    await filed(postgres, beads_of(file, bead("bd-0")))
    incoming = beads_of(file, bead("bd-1"), bead("bd-2"))
    store = StoreBackend(open_database(postgres))
    first, second = await interleaved(
        store,
        lambda pause: store.import_tickets(SHOP, incoming, paused_at(1, pause), dry_run=False),
        lambda: store.import_tickets(SHOP, incoming, untold, dry_run=False),
    )
    await store.close()
    assert (dict(first.added), first.present) == ({"ticket": 2}, 0)
    assert (dict(second.added), second.present) == ({}, 2)
    await assert_whole(postgres)


async def test_what_is_imported_waits_for_no_ticket_that_is_closed_meanwhile(
    postgres: str, file: Path
) -> None:
    await filed(postgres, beads_of(file, bead("bd-1")))
    waits = bead("bd-2", dependencies=[{"depends_on_id": "bd-1", "type": "blocks"}])
    incoming = beads_of(file, bead("bd-1"), waits)
    store = StoreBackend(open_database(postgres))
    closing = requests.update_ticket(1, close_as="wont_fix", note="Not now.")
    await interleaved(
        store,
        lambda pause: store.import_tickets(SHOP, incoming, paused_at(2, pause), dry_run=False),
        lambda: store.update_ticket(SHOP, closing),
    )
    await store.close()
    assert await numbers_in(postgres, ready=True) == [2]
    await assert_whole(postgres)


async def test_the_same_tickets_can_go_into_two_projects(store: Path, file: Path) -> None:
    incoming = beads_of(file, bead("bd-1"))
    await filed(str(store), incoming)
    backend = StoreBackend(open_database(str(store)))
    other = Caller(SHOP.actor, project="quinces")
    done = await backend.import_tickets(other, incoming, untold, dry_run=False)
    assert (dict(done.added), done.present) == ({"project": 1, "ticket": 1}, 0)
    await backend.close()


async def test_work_goes_on_with_what_was_imported(database_name: str, file: Path) -> None:
    await filed(database_name, issues(file, gh_issue(1), gh_issue(2)))
    backend = StoreBackend(open_database(database_name))
    caller = Caller(bot("agent-1"), project="shop")
    taken = await backend.take_ticket(caller, requests.take_ticket("other", ticket="1"))
    assert taken.fence == 1
    created = await backend.create_ticket(caller, requests.create_ticket())
    assert created.ticket.number == 3
    found = await backend.find_tickets(caller, requests.find_tickets(query="checkout 200"))
    assert found.tickets[0].number == 2
    await backend.close()


async def test_a_dry_run_says_what_would_be_and_files_nothing(
    database_name: str, file: Path
) -> None:
    incoming = issues(file, gh_issue(1), gh_issue(2))
    tried = await filed(database_name, incoming, dry_run=True)
    assert await numbers_in(database_name) == []
    assert tried == await filed(database_name, incoming)
    assert await numbers_in(database_name) == [2, 1]


async def test_whoever_gives_up_leaves_nothing(database_name: str, file: Path) -> None:
    incoming = issues(file, *(gh_issue(number) for number in range(1, 10)))

    def give_up(step: str, done: int, total: int | None = None, /) -> None:
        if done == 5:
            raise Abandoned

    backend = StoreBackend(open_database(database_name))
    with pytest.raises(Abandoned):
        await backend.import_tickets(SHOP, incoming, give_up, dry_run=False)
    await backend.close()
    assert await numbers_in(database_name) == []


@pytest.mark.parametrize(
    ("issue", "words"),
    [
        (gh_issue(2, title="a\0b is broken"), "issue #2: title must not contain a NUL character"),
        (gh_issue(2, title=7), "issue #2: title must be"),
        (gh_issue(2, title=None), "issue #2: lacks title; write it with: gh issue list"),
        (gh_issue(2, createdAt=None), "issue #2: lacks createdAt"),
        (gh_issue(2, createdAt="yesterday"), "issue #2: created_at must be a date"),
        (gh_issue(2, labels=7), "issue #2: is not as GitHub writes an issue"),
        (gh_issue(2, projectItems=json.loads("[" * 500 + "]" * 500)), "issue #2: "),
        (gh_issue(2, comments=[7]), "issue #2: is not as GitHub writes an issue"),
        (
            gh_issue(2, comments=[gh_comment("bob", "Hm", "")]),
            "issue #2: comments.0.created_at must be a date",
        ),
        (gh_issue(2, labels=[{"name": "x" * 70_000}]), "issue #2: details must be at most"),
        ({"title": "No number"}, "issue 3 of the list: lacks number, createdAt"),
        (7, "issue 3 of the list: is no object"),
        (gh_issue(1), "issue #1: github:octo/shop#1 is there twice"),
    ],
)
async def test_what_does_not_fit_is_listed_with_its_place_and_nothing_is_filed(
    store: Path, file: Path, issue: Any, words: str
) -> None:
    incoming = issues(file, gh_issue(1), gh_issue(3), issue)
    for dry_run in (True, False):
        refused = await filed(str(store), incoming, dry_run=dry_run)
        assert len(refused.problems) == 1
        assert words in refused.problems[0]
        assert await numbers_in(str(store)) == []


async def test_what_waits_for_what_does_not_fit_is_not_filed_either(
    database_name: str, file: Path
) -> None:
    waits = bead("bd-2", dependencies=[{"depends_on_id": "bd-1", "type": "blocks"}])
    refused = await filed(database_name, beads_of(file, bead("bd-1", spec="x" * 65_455), waits))
    assert len(refused.problems) == 1
    assert refused.problems[0].startswith("line 1: evidence must be at most 65536 bytes")
    assert await numbers_in(database_name) == []


async def test_tickets_that_wait_for_themselves_are_named(store: Path, file: Path) -> None:
    def waiting(name: str, other: str) -> dict[str, Any]:
        return bead(name, dependencies=[{"depends_on_id": other, "type": "blocks"}])

    refused = await filed(
        str(store), beads_of(file, waiting("bd-1", "bd-2"), waiting("bd-2", "bd-1"))
    )
    assert len(refused.problems) == 1
    assert "waits for itself, by way of beads:bd-" in refused.problems[0]


@pytest.mark.parametrize(
    ("tracker", "content", "words"),
    [
        ("github", "", "is not a whole list of issues"),
        ("github", "{}", "is not a whole list of issues"),
        ("github", "[{", "is not a whole list of issues"),
        ("github", '[{"number": 1}] rest', "is not a whole list of issues"),
        ("github", "[" * 100_000, "is not a whole list of issues"),
        ("beads", "", "holds no issue"),
        ("backlog", "", "is not a folder of Backlog.md"),
    ],
)
def test_what_is_no_export_takes_one_line(
    store: Path, file: Path, tracker: str, content: str, words: str
) -> None:
    file.write_text(content)
    done = command(store, "import", str(file), "--format", tracker)
    assert done.returncode in (1, 2)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1), done
    assert words in done.stderr


def test_half_a_line_of_beads_is_told_with_its_number(store: Path, file: Path) -> None:
    file.write_text(f"{json.dumps(bead('bd-1'))}\n{json.dumps(bead('bd-2'))[:50]}")
    done = command(store, "import", str(file), "--format", "beads")
    assert (done.returncode, done.stdout) == (
        1,
        "line 2: is not a whole JSON object\n",
    )
    assert "not fit; nothing was imported." in done.stderr
    assert anyio.run(numbers_in, str(store)) == []


def test_a_task_that_backlog_md_did_not_write_is_told_by_its_file(
    store: Path, tmp_path: Path
) -> None:
    shutil.copytree(BACKLOG, tmp_path / "shop")
    tasks = tmp_path / "shop" / "backlog" / "tasks"
    (tasks / "task-7.md").write_text("No front matter")
    (tasks / "task-8.md").write_text("---\nid: [\n---\n")
    (tasks / "task-9.md").write_text("---\nid: TASK-9\n---\n")
    done = command(store, "import", str(tmp_path / "shop"), "--format", "backlog")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "tasks/task-7.md: has no YAML in front, between two lines of ---",
        "tasks/task-8.md: what stands in front is not valid YAML",
        "tasks/task-9.md: is not as Backlog.md writes a task",
    ]


def test_the_command_files_into_the_project_that_is_named(store: Path, file: Path) -> None:
    issues(file, gh_issue(1), gh_issue(2))
    given = (str(file), "--format", "github", "--project", "quinces")
    tried = command(store, "import", *given, "--dry-run")
    done = command(store, "import", *given)
    again = command(store, "import", *given)
    filed = "imported into quinces: 1 project and 2 tickets\n"
    assert (tried.returncode, tried.stdout) == (0, f"would be {filed}")
    assert (done.returncode, done.stdout) == (0, filed)
    there = "imported into quinces: nothing; 2 were there already\n"
    assert (again.returncode, again.stdout) == (0, there)
    comment = gh_comment("bob", "Here too.", "2025-03-20T09:30:00Z")
    closed = gh_issue(2, state="CLOSED", closedAt="2025-03-20T09:30:00Z")
    issues(file, gh_issue(1, comments=[comment]), closed)
    said = "1 message; 2 were there already; 1 of them is closed there and open here: HO-2-quinces"
    for done, arguments in (("would be imported", ["--dry-run"]), ("imported", [])):
        since = command(store, "import", *given, *arguments)
        assert (since.returncode, since.stdout) == (0, f"{done} into quinces: {said}\n")
    assert "quinces" in command(store, "project", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--project", "quinces"), "brings its projects along"),
        (("--format", "github", "--project", "Quinces!"), "is no slug, such as quinces"),
        (("--format", "jira"), "invalid choice: 'jira'"),
    ],
)
def test_wrong_use_is_said(store: Path, file: Path, arguments: tuple[str, ...], words: str) -> None:
    issues(file, gh_issue(1))
    done = command(store, "import", str(file), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
