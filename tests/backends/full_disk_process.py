"""A process that writes to a store until its disk is full, and goes on once there is room again.

Called with the directory of the store and what takes up the room: `ballast`, a file on a small
disk, or `limit`, the longest that a file of this process may be. Answers with what it was told.
"""

import asyncio
import json
import resource
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from mcp_handoff.backend import Backend
from mcp_handoff.errors import BackendUnavailable, HandoffError, OutcomeUnknown
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tickets import CreateTicket
from tests import requests
from tests.backends.invariants import assert_whole
from tests.backends.wording import assert_own_words
from tests.backends.writer_process import CALLER, Acknowledgement, live

ROOM = 512 * 1024
TASKS = 4


def occupied(directory: Path) -> Callable[[], None]:
    ballast = directory / "ballast"
    ballast.write_bytes(bytes(ROOM))
    return ballast.unlink


def limited() -> Callable[[], None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def main(store: Path, make_room: Callable[[], None]) -> None:
    acknowledged: list[Acknowledgement] = []
    backend = StoreBackend(SqliteDatabase.open(store))
    refusals = await _fill(backend, acknowledged)
    request, refusal = await _first_refused(backend)
    newest = await backend.find_tickets(CALLER, requests.find_tickets(status="any", limit=1))
    make_room()
    filed = await backend.create_ticket(CALLER, request)
    await live(backend, "afterwards", acknowledged.append)
    await backend.close()
    await assert_whole(store, acknowledged)
    answer = {
        "refusals": [_told(error) for error in (*refusals, refusal)],
        "read while full": newest.tickets[0].number,
        "filed once there was room": filed.ticket.number,
    }
    print(json.dumps(answer))  # noqa: T201 - this is how it speaks


async def _fill(backend: Backend, acknowledged: list[Acknowledgement]) -> list[HandoffError]:
    """Write from several tasks until each is refused."""
    tasks = [_write(backend, f"t{task}", acknowledged) for task in range(TASKS)]
    return await asyncio.gather(*tasks)


async def _write(backend: Backend, name: str, acknowledged: list[Acknowledgement]) -> HandoffError:
    for number in count():
        try:
            await live(backend, f"{name}n{number}", acknowledged.append)
        except (BackendUnavailable, OutcomeUnknown) as error:
            return error
    raise AssertionError


async def _first_refused(backend: Backend) -> tuple[CreateTicket, HandoffError]:
    for number in count():
        request = requests.create_ticket(idempotency_key=f"key {number}")
        try:
            await backend.create_ticket(CALLER, request)
        except (BackendUnavailable, OutcomeUnknown) as error:
            return request, error
    raise AssertionError


def _told(refusal: HandoffError) -> str:
    assert_own_words(refusal)
    return refusal.code


if __name__ == "__main__":
    home = Path(sys.argv[1])
    take_room = {"ballast": partial(occupied, home), "limit": limited}[sys.argv[2]]
    asyncio.run(main(home / "handoff.db", take_room()))
