"""What a page may weigh, whatever others filed."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.builds import CreateBuild
from mcp_handoff.projects import CreateProject, ListProjects
from mcp_handoff.store.pages import PAGE_BYTES
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests import requests
from tests.databases import EVERY_DATABASE, in_store
from tests.http.served import OPERATOR, Served, command

pytestmark = pytest.mark.proof

CALLER = Caller(bot("agent-1"), project="shop")
LONG = {"log": "x" * 62_000}
COUNT = 40
"""So many of them are more than a page holds."""

TICKETS = 1_000
MEGABYTES = 100
"""What four readers of all those may add to a server; a page that held them all took 700."""

PROCESSES = Path("/proc")

Page = tuple[list[str], str | None, int]
"""The ids on a page, its cursor, and its bytes as JSON."""


@pytest.fixture(params=EVERY_DATABASE)
def store_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


async def all_pages(page_after: Callable[[str | None], Awaitable[Page]]) -> list[Page]:
    """Return every page of a list."""
    pages = [await page_after(None)]
    while cursor := pages[-1][1]:
        pages.append(await page_after(cursor))
    return pages


async def file_all(store: StoreBackend) -> dict[str, list[Page]]:
    """File what is long in every list, and return the pages of each."""
    for number in range(COUNT):
        title = f"Ticket {number} of many"
        await store.create_ticket(CALLER, requests.create_ticket(title=title, evidence=LONG))
        await store.suggest_close(CALLER, requests.suggest_close(1, evidence=LONG))
        names = {"build_ref": str(number), "display_name": "Shop", "provider": "docker"}
        await store.create_build(CALLER, CreateBuild(org="default", metadata=LONG, **names))

    async def tickets(cursor: str | None) -> Page:
        page = await store.find_tickets(CALLER, requests.find_tickets(cursor=cursor))
        ids = [ticket.id for ticket in page.tickets]
        return ids, page.next_cursor, len(page.model_dump_json())

    async def found(cursor: str | None) -> Page:
        page = await store.find_tickets(CALLER, requests.find_tickets(query="7", cursor=cursor))
        ids = [ticket.id for ticket in page.tickets]
        return ids, page.next_cursor, len(page.model_dump_json())

    async def suggestions(cursor: str | None) -> Page:
        page = await store.list_suggestions(CALLER, requests.list_suggestions(cursor=cursor))
        ids = [suggestion.id for suggestion in page.suggestions]
        assert page.total == len(ids)
        return ids, page.next_cursor, len(page.model_dump_json())

    async def builds(cursor: str | None) -> Page:
        page = await store.find_builds(CALLER, requests.find_builds(cursor=cursor))
        return [build.id for build in page.items], page.next_cursor, len(page.model_dump_json())

    lists = {"tickets": tickets, "found": found, "suggestions": suggestions, "builds": builds}
    return {name: await all_pages(page_after) for name, page_after in lists.items()}


def test_a_page_ends_where_it_would_grow_too_large_and_the_next_one_goes_on_there(
    store_name: str,
) -> None:
    listed = in_store(store_name, file_all)
    assert len(listed.pop("found")) == 1
    for name, pages in listed.items():
        ids = [id_ for page, _, _ in pages for id_ in page]
        assert len(ids) == len(set(ids)) == COUNT, name
        assert len(pages) == 2, name
        assert all(size <= PAGE_BYTES for _, _, size in pages), name


def test_projects_come_in_pages_of_those_that_the_caller_may_see(store_name: str) -> None:
    slugs = [f"p-{number}" for number in range(7)]

    async def list_all(store: StoreBackend) -> list[str | None]:
        for slug in reversed(slugs):
            await store.create_project(OPERATOR, CreateProject(name=slug))
        found, cursor = list[str | None](), None
        while True:
            page = await store.list_projects(OPERATOR, ListProjects(limit=3, cursor=cursor))
            found += [project.slug for project in page.projects]
            if (cursor := page.next_cursor) is None:
                return found

    assert in_store(store_name, list_all) == slugs


def test_every_project_is_listed_at_the_terminal(store: Path) -> None:
    async def start_many(opened: StoreBackend) -> None:
        for number in range(101):
            await opened.create_project(OPERATOR, CreateProject(name=f"p-{number}"))

    in_store(store, start_many)
    assert command(store, "project", "list").stdout.count("\n") == 101


@pytest.mark.skipif(
    not (PROCESSES / "self/status").exists(), reason="the system does not tell what a process takes"
)
def test_four_readers_of_everything_at_once_cost_the_server_little(store: Path) -> None:
    def multiply(tx: Transaction) -> None:
        columns = (
            "project_id, title, description, request_type, priority, blocking, status, stage,"
            " evidence, actor_role, source, fingerprint, created_at, updated_at"
        )
        tx.execute(
            "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
            f" INSERT INTO tickets (id, number, {columns})"
            f" SELECT lower(hex(randomblob(16))), n.i, {columns} FROM tickets, n WHERE number = 1",
            count=TICKETS,
        )

    async def fill(opened: StoreBackend) -> None:
        await opened.create_ticket(CALLER, requests.create_ticket(evidence=LONG))
        await opened.database.write(multiply)

    in_store(store, fill)
    with Served(store) as served:

        def read_all(_: int) -> dict[str, Any]:
            return served.http.get("/api/projects/shop/tickets?limit=2000").json()

        before = peak_megabytes(served)
        with ThreadPoolExecutor(4) as readers:
            pages = list(readers.map(read_all, range(4)))
        assert all(page["next_cursor"] for page in pages)
        assert peak_megabytes(served) - before < MEGABYTES


def peak_megabytes(served: Served) -> int:
    """Return the most memory that a server has had so far."""
    status = (PROCESSES / str(served.process.pid) / "status").read_text()
    [peak] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak.split()[1]) // 1024
