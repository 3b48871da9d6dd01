import time

import anyio.to_thread
import pytest
from mcp import Client
from mcp.shared.subscriptions import ResourceUpdated

from tests.http.served import Served
from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

SOON = 0.03
"""Seconds; Nagle's algorithm and a delayed acknowledgement take 0.04 together on every machine."""

ATTEMPTS = 200
"""Of which one comes soon even on a busy machine; of those that wait, none does."""


async def test_sigterm_ends_an_open_stream_in_good_order_and_the_server_in_time(
    alone: Served,
) -> None:
    async with (
        Client(f"{alone.url}/mcp", mode="2026-07-28") as client,
        client.listen(resource_subscriptions=["handoff://tickets"]) as subscription,
    ):
        await Agent(client).file_ticket()
        with anyio.fail_after(TIMEOUT):
            assert await anext(subscription) == ResourceUpdated(uri="handoff://tickets")
        status, errors = await anyio.to_thread.run_sync(alone.end)
        assert [event async for event in subscription] == []
    assert (status, errors) == (0, b"")


async def test_what_an_agent_files_a_portal_reads_and_the_other_way_round(alone: Served) -> None:
    async with Client(f"{alone.url}/mcp") as client:
        desk = Agent(client)
        await desk.file_ticket()
        rows = alone.http.get("/api/projects/shop/tickets").json()["tickets"]
        assert [row["reference"] for row in rows] == ["HO-1-shop"]
        body = {
            "title": "Filed by a person",
            "description": "Without any role.",
            "request_type": "feature_request",
            "priority": "low",
            "blocking": False,
        }
        filed = alone.http.post("/api/projects/shop/tickets", json=body)
        assert filed.status_code == 201
        read = await desk.whole(2)
    assert (read["ticket"]["source"], read["ticket"]["actor_role"]) == ("portal", "user")
    assert alone.end() == (0, b"")


def test_a_store_is_left_as_one_file(alone: Served) -> None:
    assert alone.http.get("/readyz").status_code == 200
    alone.end()
    assert [path.name for path in alone.store.parent.iterdir()] == ["handoff.db"]


def test_no_answer_waits_for_the_clients_acknowledgement(served: Served) -> None:
    took(served)  # a connection's first answer is acknowledged at once
    assert any(took(served) < SOON for _ in range(ATTEMPTS))


def took(served: Served) -> float:
    """Return the seconds that a request took."""
    begun = time.perf_counter()
    served.http.get("/readyz")
    return time.perf_counter() - begun
