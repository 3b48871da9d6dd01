"""The connections to an API: shared, kept, found closed, and closed in the end."""

import asyncio
import gc

from mcp_handoff.mcp.tools import TOOLS
from tests.remote import faults
from tests.remote.conftest import OpenDesk
from tests.remote.faults import FaultServer
from tests.requests import TICKET

POOL = 100
"""The most connections that are open at once."""


async def test_calls_at_the_same_time_share_one_pool_from_the_first_on(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url) as desk:
        calls = POOL + 50
        await asyncio.gather(*(desk.call("find_tickets") for _ in range(calls)))
        assert len(api.requests) == calls
        assert api.opened <= POOL


async def test_a_connection_is_kept_for_the_next_call(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url) as desk:
        for _ in range(3):
            await desk.file_ticket()
    assert (api.opened, api.requests) == (1, ["GET", "POST", "POST", "POST"])


async def test_a_write_survives_that_the_server_was_started_anew_before_it(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url) as desk:
        await desk.call("find_tickets")
        api.drop_connections()
        await desk.file_ticket()
    assert (api.opened, api.requests) == (2, ["GET", "POST"])


async def test_a_write_on_a_kept_connection_that_breaks_is_not_repeated(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url) as desk:
        await desk.call("find_tickets")
        api.fail(faults.resets_unread, "POST")
        assert (await desk.refusal("create_ticket", TICKET))["code"] == "OUTCOME_UNKNOWN"
    assert api.requests == ["GET", "POST", "GET"]


async def test_closing_leaves_no_connection_open(api: FaultServer, open_desk: OpenDesk) -> None:
    async with open_desk(api.url) as desk:
        await asyncio.gather(*(desk.call("find_tickets") for _ in range(5)))
    gc.collect()  # or what is left open would warn later, in another test
    assert await asyncio.to_thread(api.is_left_alone)


async def test_a_response_that_is_too_long_is_left_at_once(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url) as desk:
        api.fail(faults.floods, "GET")
        await desk.refusal("find_tickets", {})
        assert await asyncio.to_thread(api.is_left_alone)
    assert api.sent < faults.HUGE / 2


async def test_a_backend_that_was_never_used_closes_too(nowhere: str, open_desk: OpenDesk) -> None:
    async with open_desk(nowhere) as desk:
        assert len((await desk.client.list_tools()).tools) == len(TOOLS)
