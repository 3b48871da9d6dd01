"""Tickets of other trackers are filed with all that they bring along, once, or not at all."""

import json
import shutil
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.archives import Outcome
from mcp_handoff.imports import backlog, beads, github
from mcp_handoff.incoming import Incoming, checked
from mcp_handoff.progress import Abandoned, untold
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tickets import TicketDetail
from tests import requests
from tests.backends.invariants import assert_whole
from tests.databases import EVERY_DATABASE, open_database
from tests.http.served import command
from tests.imports.samples import BACKLOG, bead, gh_comment, gh_issue, rest_issue

SHOP = Caller(Actor("user", "cli", "grace"), project="shop")
TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
TIME = "2025-03-20T09:30:00Z"


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "exported"


def issues(file: Path, *given: Any) -> Incoming:
    """Return what is read of a file with these issues of GitHub."""
    file.write_text(json.dumps(given))
    return checked("github", github.read(file))


def pages(file: Path, *given: Any) -> Incoming:
    """Return what is read of a file with these pages of issues, one after the other."""
    file.write_text("".join(map(json.dumps, given)))
    return checked("github", github.read(file))


def beads_of(file: Path, *given: Any) -> Incoming:
    """Return what is read of a file with these issues of beads."""
    file.write_text("".join(f"{json.dumps(one)}\n" for one in given))
    return checked("beads", beads.read(file))


async def filed(name: str, incoming: Incoming, *, dry_run: bool = False) -> Outcome:
    backend = StoreBackend(open_database(name))
    try:
        return await backend.import_tickets(SHOP, incoming, untold, dry_run=dry_run)
    finally:
        await backend.close()


async def read(name: str, *numbers: int) -> list[TicketDetail]:
    """Return tickets of project shop with all that is shown of them."""
    backend = StoreBackend(open_database(name))
    caller = Caller(bot("agent-1"), project="shop")
    found = [await backend.get_ticket(caller, requests.get_ticket(number)) for number in numbers]
    await backend.close()
    return found


async def numbers_in(name: str, **asked: Any) -> list[int | None]:
    backend = StoreBackend(open_database(name))
    page = await backend.find_tickets(SHOP, requests.find_tickets(**asked))
    await backend.close()
    return [ticket.number for ticket in page.tickets]


async def test_an_issue_of_github_keeps_its_author_dates_thread_and_labels(
    database_name: str, file: Path
) -> None:
    thread = [gh_comment("bob", "Here too.", TIME), gh_comment("ada", "Found it.", TIME)]
    labels = [{"name": "bug"}, {"name": "area/backend"}, {"name": "qa"}, {"name": "P1"}]
    milestone = {"number": 1, "title": "Spring"}
    issue = gh_issue(7, comments=thread, labels=labels, milestone=milestone)
    done = await filed(database_name, issues(file, issue))
    assert (dict(done.added), done.problems) == ({"ticket": 1, "message": 2}, [])
    [detail] = await read(database_name, 1)
    ticket = detail.ticket
    assert (ticket.title, ticket.description) == (issue["title"], issue["body"])
    assert (ticket.request_type, ticket.priority, ticket.stage) == ("bug", "high", "backlog")
    assert [role.role for role in ticket.roles] == ["backend", "qa", "merged"]
    assert (ticket.author, ticket.source) == ("ada (user), without a token", "github")
    assert (ticket.created_at, ticket.updated_at) == (
        "2025-03-07T10:00:00.000Z",
        "2025-03-07T11:00:00.000Z",
    )
    assert ticket.evidence == {
        "imported": {
            "from": "github:octo/shop#7",
            "url": "https://github.com/octo/shop/issues/7",
            "labels": ["bug", "area/backend", "qa", "P1"],
            "assignees": ["eve"],
            "milestone": "Spring",
        }
    }
    said = [(one.actor_id, one.body, one.created_at) for one in reversed(detail.messages)]
    at = "2025-03-20T09:30:00.000Z"
    assert said == [("bob", "Here too.", at), ("ada", "Found it.", at)]
    told = [(event.kind, event.actor_id, event.created_at) for event in reversed(detail.events)]
    assert told == [
        ("ticket.created", "ada", "2025-03-07T10:00:00.000Z"),
        ("message.added", "bob", at),
        ("message.added", "ada", at),
    ]
    await assert_whole(database_name)


@pytest.mark.parametrize(
    ("reason", "resolution", "status"),
    [
        ("COMPLETED", "completed", "done"),
        ("NOT_PLANNED", "wont_fix", "skipped"),
        ("DUPLICATE", "duplicate", "skipped"),
    ],
)
async def test_a_closed_issue_is_closed_as_it_was(
    store: Path, file: Path, reason: str, resolution: str, status: str
) -> None:
    issue = gh_issue(1, state="CLOSED", stateReason=reason, closedAt=TIME)
    await filed(str(store), issues(file, issue))
    [detail] = await read(str(store), 1)
    ticket = detail.ticket
    assert (ticket.status, ticket.stage, ticket.resolution_type) == ("closed", "live", resolution)
    assert ticket.resolved_at == "2025-03-20T09:30:00.000Z"
    assert ticket.resolution_note == "Closed at github:octo/shop#1."
    assert [role.status for role in ticket.roles] == [status, "skipped"]
    assert [event.kind for event in detail.events] == ["ticket.closed", "ticket.created"]
    assert await numbers_in(str(store), status="open") == []


async def test_the_rest_apis_list_is_read_and_its_pull_requests_are_not(
    store: Path, file: Path
) -> None:
    closed = {"state": "closed", "state_reason": "not_planned", "closed_at": TIME}
    pull_request = rest_issue(3, pull_request={"url": "https://api.github.com/x"})
    incoming = pages(file, [rest_issue(1), pull_request], [rest_issue(2, **closed)])
    done = await filed(str(store), incoming)
    assert (dict(done.added), done.problems) == ({"ticket": 2}, [])
    open_one, closed_one = await read(str(store), 1, 2)
    assert open_one.ticket.author == "ada (user), without a token"
    assert open_one.ticket.evidence is not None
    assert open_one.ticket.evidence["imported"]["comments_left_there"] == 2
    assert closed_one.ticket.resolution_type == "wont_fix"


async def test_the_same_issue_read_by_gh_and_by_rest_is_one(store: Path, file: Path) -> None:
    await filed(str(store), issues(file, gh_issue(1)))
    again = await filed(str(store), issues(file, rest_issue(1), rest_issue(2)))
    assert (dict(again.added), again.present) == ({"ticket": 1}, 1)
    assert await numbers_in(str(store)) == [2, 1]


async def test_what_is_too_long_goes_on_in_the_thread_and_what_is_too_short_says_whence(
    database_name: str, file: Path
) -> None:
    body, title = "word " * 12_000, f"A long story {'of it ' * 40}"
    thread = [gh_comment("bob", "answer " * 4_000, TIME)]
    long = gh_issue(1, body=body, title=title, comments=thread)
    await filed(database_name, issues(file, long, gh_issue(2, title="Bug", body="")))
    first, second = await read(database_name, 1, 2)
    text = (first.ticket.description or "").removesuffix("\n\n(It goes on in the thread.)")
    parts = [one.body for one in reversed(first.messages)]
    whole = f"{text}{''.join(parts)}"
    assert first.ticket.title == f"{title[:139].rstrip()}…"
    assert "".join(whole.split()) == "".join(f"{title}{body}{thread[0]['body']}".split())
    assert second.ticket.title == "Bug (github:octo/shop#2)"
    assert second.ticket.description == "Imported from github:octo/shop#2."


async def test_secrets_are_masked_as_they_are_in_what_is_filed_here(
    store: Path, file: Path
) -> None:
    issue = gh_issue(
        1,
        title=f"Broken with {TOKEN}",
        body=f"We used {TOKEN} for it.",
        comments=[gh_comment(TOKEN, f"And {TOKEN}", TIME)],
        labels=[{"name": TOKEN}],
    )
    done = await filed(str(store), issues(file, issue))
    assert done.problems == []
    database = open_database(str(store))
    dump = await database.read(
        lambda tx: [
            row
            for table in ("tickets", "messages", "events", "project_words")
            for row in tx.fetch_all(f"SELECT * FROM {table}")
        ]
    )
    await database.close()
    assert dump
    assert TOKEN not in str(dump)
    assert TOKEN.lower() not in str(dump)


async def test_tasks_of_backlog_md_keep_what_they_are(database_name: str) -> None:
    done = await filed(database_name, checked("backlog", backlog.read(BACKLOG)))
    assert (dict(done.added), done.problems) == ({"ticket": 5, "message": 2}, [])
    details = await read(database_name, 1, 2, 3, 4, 5)
    by_origin = {_imported(detail)["from"]: detail for detail in details}
    first = by_origin["backlog:demo#TASK-1"]
    assert first.ticket.description == (
        "POST /checkout answers 500\nfrom the 100th item on.\n\n"
        "## Acceptance Criteria\n"
        "- [x] #1 A cart of 100 items is paid\n- [ ] #2 A test proves it\n\n"
        "## Implementation Plan\n\nRaise the limit\n\n## Implementation Notes\n\nSee cart/limits.py"
    )
    assert (first.ticket.request_type, first.ticket.priority) == ("bug", "high")
    assert [role.role for role in first.ticket.roles] == ["backend", "merged"]
    assert [(one.actor_id, one.body) for one in first.messages] == [
        ("eve", "A remark\nof two lines")
    ]
    assert _imported(first)["assignee"] == ["ada", "bob"]
    ended = {
        origin: (detail.ticket.resolution_type, detail.ticket.stage)
        for origin, detail in by_origin.items()
    }
    assert ended == {
        "backlog:demo#TASK-1": (None, "backlog"),
        "backlog:demo#TASK-1.1": ("no_longer_relevant", "live"),
        "backlog:demo#TASK-2": ("completed", "live"),
        "backlog:demo#TASK-3": ("completed", "live"),
        "backlog:demo#TASK-4": (None, "in_progress"),
    }
    waiting = by_origin["backlog:demo#TASK-4"]
    assert {one.status for one in waiting.blocked_by} == {"open", "closed"}
    assert len(waiting.open_blockers) == 1
    assert await numbers_in(database_name, blocked=True, status="open") == [waiting.ticket.number]
    assert await numbers_in(database_name, ready=True) == [first.ticket.number]
    await assert_whole(database_name)


def _imported(detail: TicketDetail) -> dict[str, Any]:
    assert detail.ticket.evidence is not None
    return detail.ticket.evidence["imported"]


async def test_issues_of_beads_keep_what_they_are(database_name: str, file: Path) -> None:
    def dependency(name: str, kind: str) -> dict[str, str]:
        return {"issue_id": "bd-2", "depends_on_id": name, "type": kind, "created_by": "ada"}

    second = bead(
        "bd-2",
        design="A limit of its own.",
        acceptance_criteria="100 items are paid.",
        notes="See cart/limits.py.",
        status="in_progress",
        priority=0,
        issue_type="bug",
        created_by="ada",
        assignee="eve",
        external_ref="gh-9",
        labels=["frontend"],
        dependencies=[
            dependency("bd-1", "blocks"),
            dependency("bd-3", "parent-child"),
            dependency("bd-9", "blocks"),
        ],
        comments=[
            {"id": 1, "issue_id": "bd-2", "author": "bob", "text": "Why?", "created_at": TIME}
        ],
    )
    closed = bead("bd-3", status="closed", closed_at=TIME, close_reason="Paid by hand", priority=4)
    gone = bead("bd-4", status="tombstone")
    done = await filed(database_name, beads_of(file, bead("bd-1"), second, closed, gone))
    assert (dict(done.added), done.problems) == ({"ticket": 3, "message": 1}, [])
    found = await read(database_name, 1, 2, 3)
    by_origin = {_imported(detail)["from"]: detail for detail in found}
    begun, ended = by_origin["beads:bd-2"], by_origin["beads:bd-3"]
    assert begun.ticket.description == (
        "A cart of 100 items can't be paid.\n\n## Design\n\nA limit of its own.\n\n"
        "## Acceptance criteria\n\n100 items are paid.\n\n## Notes\n\nSee cart/limits.py."
    )
    assert (begun.ticket.stage, begun.ticket.priority) == ("in_progress", "high")
    assert (begun.ticket.request_type, begun.ticket.actor_id) == ("bug", "ada")
    assert begun.ticket.created_at == "2025-10-17T03:46:08.971Z"
    assert [role.role for role in begun.ticket.roles] == ["frontend", "merged"]
    assert len(begun.open_blockers) == 1
    assert _imported(begun) == {
        "from": "beads:bd-2",
        "status": "in_progress",
        "issue_type": "bug",
        "assignee": "eve",
        "external_ref": "gh-9",
        "labels": ["frontend"],
        "priority": 0,
        "others": ["parent-child bd-3"],
        "blocked_by": ["beads:bd-9"],
    }
    assert (ended.ticket.resolution_note, ended.ticket.priority) == ("Paid by hand", "low")
    await assert_whole(database_name)


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


async def test_the_same_tickets_can_go_into_two_projects(store: Path, file: Path) -> None:
    incoming = beads_of(file, bead("bd-1"))
    await filed(str(store), incoming)
    backend = StoreBackend(open_database(str(store)))
    other = Caller(SHOP.actor, project="quinces")
    done = await backend.import_tickets(other, incoming, untold, dry_run=False)
    assert (dict(done.added), done.present) == ({"ticket": 1}, 0)
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
        ("github", "", "is no list of issues"),
        ("github", "{}", "is no list of issues"),
        ("github", "[{", "is no list of issues"),
        ("github", '[{"number": 1}] rest', "is no list of issues"),
        ("github", "[" * 100_000, "is no list of issues"),
        ("beads", "", "holds no issue"),
        ("backlog", "", "is no folder of Backlog.md"),
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
        "line 2: is no JSON object, or half a one\n",
    )
    assert "Nothing was imported." in done.stderr
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
        "tasks/task-8.md: what stands in front is no YAML",
        "tasks/task-9.md: is not as Backlog.md writes a task",
    ]


def test_the_command_files_into_the_project_that_is_named(store: Path, file: Path) -> None:
    issues(file, gh_issue(1), gh_issue(2))
    given = (str(file), "--format", "github", "--project", "quinces")
    tried = command(store, "import", *given, "--dry-run")
    done = command(store, "import", *given)
    again = command(store, "import", *given)
    assert (tried.returncode, tried.stdout) == (0, "would be imported: 2 tickets\n")
    assert (done.returncode, done.stdout) == (0, "imported: 2 tickets\n")
    assert (again.returncode, again.stdout) == (0, "imported: nothing; 2 were there already\n")
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
