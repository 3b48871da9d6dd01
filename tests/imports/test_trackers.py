"""Tickets of other trackers are filed with all that they bring along."""

from pathlib import Path

import pytest

from mcp_handoff.trackers import backlog
from mcp_handoff.trackers.incoming import checked
from tests.backends.invariants import assert_whole
from tests.databases import open_database
from tests.imports.filing import beads_of, filed, imported, issues, numbers_in, pages, read
from tests.imports.samples import BACKLOG, bead, gh_comment, gh_issue, rest_issue

TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
TIME = "2025-03-20T09:30:00Z"


async def test_an_issue_of_github_keeps_its_author_dates_thread_and_labels(
    database_name: str, file: Path
) -> None:
    thread = [gh_comment("bob", "Here too.", TIME), gh_comment("ada", "Found it.", TIME)]
    labels = [{"name": "bug"}, {"name": "area/backend"}, {"name": "qa"}, {"name": "P1"}]
    milestone = {"number": 1, "title": "Spring", "description": "", "dueOn": "2025-06-01T00:00:00Z"}
    issue = gh_issue(7, comments=thread, labels=labels, milestone=milestone)
    done = await filed(database_name, issues(file, issue))
    assert (dict(done.added), done.problems) == ({"project": 1, "ticket": 1, "message": 2}, [])
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
            "milestone": {"number": 1, "title": "Spring", "dueOn": "2025-06-01T00:00:00Z"},
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
    assert (dict(done.added), done.problems) == ({"project": 1, "ticket": 2}, [])
    open_one, closed_one = await read(str(store), 1, 2)
    assert open_one.ticket.author == "ada (user), without a token"
    assert open_one.ticket.evidence is not None
    assert open_one.ticket.evidence["imported"]["comments_left_there"] == 2
    assert closed_one.ticket.resolution_type == "wont_fix"
    assert imported(closed_one)["state_reason"] == "not_planned"


async def test_all_that_rest_tells_of_an_issue_is_kept_but_what_serves_the_api(
    store: Path, file: Path
) -> None:
    person = {"login": "eve", "id": 7, "node_id": "U_7", "url": "https://api.github.com/users/eve"}
    issue = rest_issue(
        1,
        state="closed",
        state_reason="completed",
        closed_at=TIME,
        closed_by=person,
        locked=True,
        active_lock_reason="too heated",
        author_association="MEMBER",
        assignee=person,
        assignees=[person, {"login": "bob"}],
        reactions={"url": "https://api.github.com/x", "total_count": 2, "+1": 2, "-1": 0},
        type={"id": 1, "name": "Task", "color": "yellow"},
        milestone={"id": 3, "title": "Spring", "creator": person, "due_on": TIME},
        parent_issue_url="https://api.github.com/repos/octo/shop/issues/9",
        node_id="I_1",
        timeline_url="https://api.github.com/y",
        pinned_comment=None,
    )
    await filed(str(store), issues(file, issue))
    [detail] = await read(str(store), 1)
    assert imported(detail) == {
        "from": "github:octo/shop#1",
        "url": "https://github.com/octo/shop/issues/1",
        "labels": ["bug"],
        "type": "Task",
        "state_reason": "completed",
        "locked": True,
        "active_lock_reason": "too heated",
        "author_association": "MEMBER",
        "assignees": ["eve", "bob"],
        "reactions": {"total_count": 2, "+1": 2},
        "milestone": {"title": "Spring", "creator": "eve", "due_on": TIME},
        "parent_issue_url": "https://api.github.com/repos/octo/shop/issues/9",
        "comments_left_there": 2,
    }
    closed = detail.events[0]
    assert (closed.kind, closed.actor_id, closed.source) == ("ticket.closed", "eve", "github")
    assert closed.created_at == "2025-03-20T09:30:00.000Z"


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
    assert (dict(done.added), done.problems) == ({"project": 1, "ticket": 5, "message": 2}, [])
    details = await read(database_name, 1, 2, 3, 4, 5)
    by_origin = {imported(detail)["from"]: detail for detail in details}
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
    assert imported(first)["assignee"] == ["ada", "bob"]
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


@pytest.mark.parametrize(
    "written",
    ["assignee: [@ada, '@bob']", "assignee:\n  - @ada\n  - @bob", 'assignee: ["@ada", "@bob"]'],
)
def test_names_of_people_need_no_quotes(tmp_path: Path, written: str) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    front = f"id: task-1\ntitle: Ask @ada\ncreated_date: 2025-07-08\n{written}\nreporter: @eve"
    (tasks / "task-1.md").write_text(f"---\n{front}\n---\n")
    incoming = checked("backlog", backlog.read(tmp_path))
    assert incoming.problems == []
    [(_, ticket)] = incoming.tickets
    assert (ticket.title, ticket.author) == ("Ask @ada", "eve")
    assert ticket.details["assignee"] == ["ada", "bob"]


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
    assert (dict(done.added), done.problems) == ({"project": 1, "ticket": 3, "message": 1}, [])
    found = await read(database_name, 1, 2, 3)
    by_origin = {imported(detail)["from"]: detail for detail in found}
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
    assert imported(begun) == {
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
