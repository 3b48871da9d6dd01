"""A store that another process keeps locked."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import apsw
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.sqlite import locks
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.sqlite.transaction import execute
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests

pytestmark = pytest.mark.proof


@pytest.fixture
def backend(store: Path) -> StoreBackend:
    return StoreBackend(SqliteDatabase.open(store))


@pytest.fixture
def locked(store: Path, backend: StoreBackend) -> Iterator[apsw.Connection]:
    """The connection that keeps the store of `backend` locked."""
    connection = apsw.Connection(str(store))
    execute(connection, "BEGIN IMMEDIATE")
    yield connection
    connection.close(force=True)


@pytest.mark.usefixtures("locked")
async def test_whoever_waits_for_the_lock_is_refused_after_its_own_wait(
    backend: StoreBackend, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "BUSY_SECONDS", 2)

    async def refused() -> float:
        begun = time.monotonic()
        with pytest.raises(BackendUnavailable, match="kept it locked"):
            await backend.create_ticket(caller, requests.create_ticket())
        return time.monotonic() - begun

    waits = await asyncio.gather(*(refused() for _ in range(8)))
    assert min(waits) >= 2
    assert max(waits) < 4  # what two waits would take
    await backend.close()


async def test_those_that_waited_for_the_lock_commit_together_once_it_is_free(
    backend: StoreBackend, caller: Caller, locked: apsw.Connection
) -> None:
    async with asyncio.TaskGroup() as tasks:
        creates = [
            tasks.create_task(
                backend.create_ticket(caller, requests.create_ticket(title=f"Fault number {n}"))
            )
            for n in range(8)
        ]
        await asyncio.sleep(0)
        execute(locked, "ROLLBACK")
    assert sorted(create.result().ticket.number or 0 for create in creates) == [*range(1, 9)]
    await backend.close()


@pytest.mark.usefixtures("locked")
async def test_a_server_that_ends_does_not_wait_for_others_locks(
    backend: StoreBackend, caller: Caller
) -> None:
    create = asyncio.create_task(backend.create_ticket(caller, requests.create_ticket()))
    await asyncio.sleep(0)
    with anyio.fail_after(locks.BUSY_SECONDS / 2):
        await backend.close()
        with pytest.raises(BackendUnavailable, match="until this server ended; nothing"):
            await create
