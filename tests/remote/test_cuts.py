"""Many writes to another mcp-handoff over a network that cuts."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.errors import OutcomeUnknown
from mcp_handoff.remote.client import ApiClient
from mcp_handoff.remote.remote_backend import RemoteBackend
from tests import requests
from tests.http.served import Served, make_project, make_token
from tests.proofs import WIDE, seeds
from tests.remote.conftest import BRISK
from tests.remote.cutting_proxy import CuttingProxy

CALLER = Caller(bot("agent-1"), project="shop")
TICKETS = 40
STORY = [
    "ticket.created",
    "build.triggered",
    "build.updated",
    "suggestion.created",
    "suggestion.executed",
]
"""The events of a ticket, each of a write."""


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    make_project(store, "shop")
    with Served(store, token=make_token(store, "agent-1", "user"), HANDOFF_RATE_LIMIT="0") as api:
        yield api


@asynccontextmanager
async def over(url: str, token: str) -> AsyncGenerator[RemoteBackend]:
    """A desk over the API at an address."""
    backend = RemoteBackend(*(ApiClient(f"{url}{path}", token, BRISK) for path in ("", "/v1")))
    try:
        yield backend
    finally:
        await backend.close()


async def tell(desk: RemoteBackend, title: str) -> None:
    """Bring a ticket from filing to its end, in as many writes as STORY has events, without a
    key; none is told that it was done before."""
    filed = await desk.create_ticket(CALLER, requests.create_ticket(title=title))
    assert not filed.deduplicated
    ticket = filed.ticket.id
    triggered = await desk.trigger_bot_build(CALLER, requests.trigger_bot_build(ticket))
    build = triggered.ticket.ai_output["build_run"]["build_id"]
    updated = await desk.update_build(CALLER, requests.update_build(build, description=title))
    suggested = await desk.suggest_close(CALLER, requests.suggest_close(ticket))
    acted = await desk.act_on_suggestion(CALLER, requests.execute(suggested.suggestion.id))
    assert acted.apply_result is not None
    made = (filed, triggered, updated, suggested, acted)
    assert not any(result.replayed for result in made)


@pytest.mark.parametrize("seed", seeds(20 if WIDE else 1))
async def test_of_two_hundred_writes_one_is_unknown_at_most_and_none_is_done_twice(
    served: Served, seed: int
) -> None:
    unknown = 0
    async with (
        CuttingProxy.before(f"{served.url}/api", seed) as proxy,
        over(proxy.url, served.token) as desk,
    ):
        for number in range(TICKETS):
            try:
                await tell(desk, f"Ticket number {number}")
            except OutcomeUnknown:
                unknown += 1
    assert proxy.cuts > TICKETS * len(STORY) * 0.05
    assert unknown <= 1

    listed = "/api/projects/shop/tickets"
    tickets: list[dict[str, Any]] = served.http.get(listed).json()["tickets"]
    assert max(Counter(ticket["title"] for ticket in tickets).values()) == 1
    assert len(tickets) == TICKETS
    events = [
        [event["kind"] for event in served.http.get(f"{listed}/{ticket['id']}").json()["events"]]
        for ticket in tickets
    ]
    assert [told[::-1] for told in events].count(STORY) >= TICKETS - unknown
    assert not any(max(Counter(told).values()) > 1 for told in events)
