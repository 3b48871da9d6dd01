"""A store is one organization's: no process of another comes to what is in it."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.errors import Misconfigured
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction, insert
from tests import requests
from tests.databases import EVERY_DATABASE, address, open_database
from tests.http.served import command

pytestmark = pytest.mark.proof

COMMANDS = (
    (),
    ("serve", "--port", "0"),
    ("token", "create", "spy", "--role", "admin"),
    ("token", "list"),
    ("project", "list"),
)


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    """Where a fresh store is, by the database's kind."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
async def opened(database_name: str) -> AsyncIterator[StoreBackend]:
    backend = StoreBackend(open_database(database_name))
    yield backend
    await backend.close()


def run(name: str, *arguments: str, organization: str, **settings: str) -> tuple[int, str, str]:
    """Return how a command of an organization ended on a store, and what it wrote."""
    told = {"HANDOFF_BACKEND": address(name), "HANDOFF_ORG": organization, **settings}
    ended = command(Path("unused.db"), *arguments, **told)
    return ended.returncode, ended.stdout, ended.stderr


async def every(
    name: str, commands: Sequence[Sequence[str]], **settings: str
) -> list[tuple[int, str, str]]:
    """Return how commands of the organization acme ended that ran at the same time."""
    ended: list[tuple[int, str, str]] = []

    async def end(arguments: Sequence[str]) -> None:
        ended.append(
            await anyio.to_thread.run_sync(
                lambda: run(name, *arguments, organization="acme", **settings)
            )
        )

    async with anyio.create_task_group() as group:
        for arguments in commands:
            group.start_soon(end, arguments)
    return ended


async def test_no_process_of_another_organization_starts_on_a_store(database_name: str) -> None:
    made = run(database_name, "token", "create", "ada", "--role", "admin", organization="globex")
    assert made[0] == 0
    refused = [
        *await every(database_name, COMMANDS),
        *await every(database_name, [()], HANDOFF_READ_ONLY="1"),
    ]
    assert {status for status, _, _ in refused} == {2}
    checked = run(database_name, "check", organization="acme")
    assert checked[0] == 1
    for _, out, error in (*refused, checked):
        assert "mho_" not in out
        assert "belongs to the organization globex" in error
        assert "set HANDOFF_ORG=globex" in error
        assert error.count("\n") == 1
    listed = run(database_name, "token", "list", organization="globex")
    assert listed[1].count("\n") == 1


async def test_of_processes_that_take_an_empty_store_at_once_one_organization_gets_it(
    opened: StoreBackend,
) -> None:
    told: list[str] = []

    async def take(slug: str) -> None:
        try:
            await opened.open_organization(slug)
            told.append(slug)
        except Misconfigured as error:
            told.append(error.message)

    slugs = [f"org-{number}" for number in range(8)]
    async with anyio.create_task_group() as group:
        for slug in slugs:
            group.start_soon(take, slug)
    [winner] = [slug for slug in told if slug in slugs]
    assert await opened.list_organizations() == [winner]
    losers = [line for line in told if line not in slugs]
    assert [f"organization {winner}," in line for line in losers] == [True] * 7


async def test_a_store_that_holds_several_already_says_so(
    opened: StoreBackend, database_name: str, caller: Caller
) -> None:
    await opened.create_ticket(caller, requests.create_ticket())
    await opened.database.write(add_second_organization)
    status, _, told = run(database_name, "project", "list", organization="acme")
    assert status == 0
    assert "this store holds the organizations default, acme" in told
    assert run(database_name, "project", "list", organization="globex")[0] == 2


def add_second_organization(tx: Transaction) -> None:
    """Do what versions before schema 4 did for a process of another organization."""
    insert(tx, "organizations", {"id": "z", "slug": "acme", "created_at": "2026-11-02"})
