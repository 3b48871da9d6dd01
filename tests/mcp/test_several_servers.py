"""Several servers on one file lose nothing."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from tests import requests
from tests.mcp.wire import Wire, call, environment
from tests.requests import TICKET

pytestmark = pytest.mark.proof

CREATES = 25


def file_tickets(store: Path, server: int) -> list[str]:
    """File CREATES tickets, one after the other; return their names."""
    with Wire(environment(store, HANDOFF_ACTOR_ID=f"agent-{server}")) as wire:
        answers = [
            wire.ask(call(n, "create_ticket", **{**TICKET, "title": f"Ticket {n} of {server}"}))
            for n in range(CREATES)
        ]
    return [answer["result"]["structuredContent"]["ticket"] for answer in answers]


@pytest.mark.parametrize("servers", [2, 8])
async def test_all_tickets_are_stored_and_numbered_without_gaps(
    store: Path, servers: int, backend: Backend, caller: Caller
) -> None:
    with ThreadPoolExecutor(servers) as together:
        acknowledged = list(together.map(partial(file_tickets, store), range(servers)))
    expected = [f"HO-{number}-shop" for number in range(1, servers * CREATES + 1)]
    assert sorted(chain.from_iterable(acknowledged)) == sorted(expected)
    newest = await backend.find_tickets(caller, requests.find_tickets(limit=1))
    assert newest.tickets[0].number == servers * CREATES
