import time
from pathlib import Path

import anyio.to_thread
from mcp import Client
from mcp.shared.subscriptions import ResourceUpdated

from tests.http.served import Served
from tests.mcp.desk import Desk


async def test_sigterm_ends_an_open_stream_in_good_order_and_the_server_in_time(
    served: Served,
) -> None:
    async with (
        Client(f"{served.url}/mcp", mode="2026-07-28") as client,
        client.listen(resource_subscriptions=["handoff://tickets"]) as subscription,
    ):
        await Desk(client).file_ticket()
        assert await anext(subscription) == ResourceUpdated(uri="handoff://tickets")
        status, errors = await anyio.to_thread.run_sync(served.end)
        assert [event async for event in subscription] == []
    assert (status, errors) == (0, b"")


async def test_what_an_agent_files_a_portal_reads_and_the_other_way_round(served: Served) -> None:
    async with Client(f"{served.url}/mcp") as client:
        desk = Desk(client)
        await desk.file_ticket()
        rows = served.http.get("/api/projects/shop/tickets").json()["tickets"]
        assert [row["reference"] for row in rows] == ["HO-1-shop"]
        body = {
            "title": "Filed by a person",
            "description": "Without any role.",
            "request_type": "feature_request",
            "priority": "low",
            "blocking": False,
        }
        filed = served.http.post("/api/projects/shop/tickets", json=body)
        assert filed.status_code == 201
        read = await desk.call("get_ticket", ticket=2)
    assert (read["ticket"]["source"], read["ticket"]["actor_role"]) == ("portal", "user")
    assert served.end() == (0, b"")


def test_a_store_is_left_as_one_file(store: Path) -> None:
    with Served(store) as served:
        assert served.http.get("/readyz").status_code == 200
        served.end()
    assert [path.name for path in store.parent.iterdir()] == ["handoff.db"]


def test_no_answer_waits_for_the_clients_acknowledgement(served: Served) -> None:
    taken: list[float] = []
    for _ in range(10):
        begun = time.perf_counter()
        served.http.get("/readyz")
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.03  # Nagle's algorithm and a delayed acknowledgement take 0.04 together
