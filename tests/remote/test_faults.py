"""What an agent is told when an API fails it, how often it was asked, and what was filed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from mcp_handoff.remote.retries import RetryBudget, RetryPolicy
from tests.mcp.wire import TIMEOUT
from tests.remote import faults
from tests.remote.conftest import BRISK, OpenDesk
from tests.remote.faults import Fault, FaultServer
from tests.remote.outcomes import OK, outcome
from tests.requests import TICKET

pytestmark = pytest.mark.proof

AWAY, UNKNOWN = "BACKEND_UNAVAILABLE", "OUTCOME_UNKNOWN"
LIMITED, NEVER = "RATE_LIMITED", ("UNSUPPORTED", 1)
HTML = b"<html><title>Bad gateway</title></html>"
HASTY = replace(BRISK, read=1.5)
SHORT = replace(BRISK, call=2)
PAST, LATER = faults.http_date(seconds=-9), faults.http_date(hours=1)

Told = tuple[str, int]
"""What the tool answers, and how many requests were made."""


@dataclass(frozen=True)
class Row:
    """A fault, what comes of it when it happens once, and of a read when it lasts.

    `write` is one to a stranger, which honours no key, `keyed` one to another mcp-handoff.
    """

    name: str
    fault: Fault
    read: Told
    lasting: Told
    write: Told
    keyed: Told
    policy: RetryPolicy = field(default=BRISK)


def passing(name: str, fault: Fault, write: str, policy: RetryPolicy = BRISK) -> Row:
    """Return the row of a fault that a second attempt gets over."""
    return Row(name, fault, (OK, 2), (AWAY, 4), (write, 1), (OK, 2), policy)


def standing(name: str, fault: Fault, write: str, policy: RetryPolicy = BRISK) -> Row:
    """Return the row of a fault that no second attempt would mend."""
    return Row(name, fault, (AWAY, 1), (AWAY, 1), (write, 1), (write, 1), policy)


def limited(name: str, fault: Fault, *, long: bool) -> Row:
    """Return the row of an API that asks to wait."""
    if long:
        return Row(name, fault, (LIMITED, 1), (LIMITED, 1), (LIMITED, 1), (LIMITED, 1))
    return Row(name, fault, (OK, 2), (LIMITED, 4), (OK, 2), (OK, 2))


ROWS = [
    passing("reset before it was read", faults.resets_unread, UNKNOWN),
    passing("reset before it was done", faults.resets_undone, UNKNOWN),
    passing("reset after it was done", faults.resets_done, OK),
    passing("no response, not done", faults.hangs_undone, UNKNOWN, HASTY),
    passing("no response, but done", faults.hangs_done, OK, HASTY),
    passing("half a response", faults.responds_half, OK),
    passing("500", faults.refuses(500, {"error": "boom at db-7"}), UNKNOWN),
    passing("502 as HTML", faults.refuses(502, HTML, "text/html"), UNKNOWN),
    passing("502 as HTML, but done", faults.garbles(HTML, "text/html", 502), OK),
    passing("503", faults.refuses(503, {"error": "boom at db-7"}), UNKNOWN),
    passing("503, Retry-After 0", faults.refuses(503, Retry_After="0"), UNKNOWN),
    passing("504, but done", faults.garbles(b"", status=504), OK),
    standing("503, Retry-After 60", faults.refuses(503, Retry_After="60"), UNKNOWN),
    standing("slow drip", faults.drips, OK, SHORT),
    standing("JSON that is none", faults.garbles(b'{"tickets": [}'), OK),
    standing("JSON that ends too early", faults.garbles(b'{"tickets": [{"id"'), OK),
    standing("JSON that is no object", faults.garbles(b"[1, 2]"), OK),
    standing("JSON as deep as a well", faults.garbles(b'{"a":' * 100_000), OK),
    standing("HTML with 200", faults.garbles(HTML, "text/html"), OK),
    standing("an empty body", faults.garbles(b""), OK),
    standing("the wrong content type", faults.mislabels, OK),
    standing("100 MB", faults.floods, OK),
    standing("a redirect", faults.refuses(307, Location="http://other.example/"), UNKNOWN),
    limited("429", faults.refuses(429), long=False),
    limited("429, Retry-After 0", faults.refuses(429, Retry_After="0"), long=False),
    Row("501", faults.refuses(501), NEVER, NEVER, NEVER, NEVER),
    limited("429, retryAfter soon", faults.refuses(429, {"retryAfter": "soon"}), long=False),
    limited("429, retryAfter NaN", faults.refuses(429, {"retryAfter": float("nan")}), long=False),
    limited("429, retryAfter 0.01", faults.refuses(429, {"retryAfter": 0.01}), long=False),
    limited("429, a date that is past", faults.refuses(429, Retry_After=PAST), long=False),
    limited("429, Retry-After 60", faults.refuses(429, Retry_After="60"), long=True),
    limited("429, retryAfter 60", faults.refuses(429, {"retryAfter": 60}), long=True),
    limited("429, a date in an hour", faults.refuses(429, Retry_After=LATER), long=True),
]

every_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
every_key = pytest.mark.parametrize(
    "key", [{}, {"idempotency_key": "once"}], ids=["without a key", "with a key"]
)
every_api = pytest.mark.parametrize("is_ours", [False, True], ids=["stranger", "ours"])


def count(requests: Sequence[str], method: str) -> int:
    return sum(1 for request in requests if request == method)


@every_row
@every_api
async def test_a_read_is_repeated_where_that_can_help(
    row: Row, is_ours: bool, open_desk: OpenDesk
) -> None:
    with FaultServer(is_ours=is_ours) as api:
        async with open_desk(api.url, row.policy) as desk:
            api.fail(row.fault, "GET")
            said, calls = await outcome(desk, "find_tickets"), len(api.requests)
    asked_twice = is_ours and said == OK  # the first response tells that it knows our order
    assert (said, calls - asked_twice) == row.read
    assert api.sent < faults.HUGE / 2


@pytest.mark.parametrize(
    ("times", "told"), [(1, (OK, 2)), (9, (AWAY, 4))], ids=["once", "for good"]
)
async def test_a_wait_whose_connection_is_lost_is_begun_again_or_refused_in_the_end(
    our_api: FaultServer, open_desk: OpenDesk, times: int, told: Told
) -> None:
    our_api.fail(faults.responds, "GET")  # to the question whose API it is
    our_api.fail(faults.resets_done, "GET", times)
    async with open_desk(our_api.url) as desk:
        said = await outcome(desk, "find_builds", wait_s=50)
    assert (said, len(our_api.requests) - 1) == told


async def test_where_nobody_says_whose_an_api_is_nothing_waits(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    api.fail(faults.refuses(503), "GET", 9)
    async with open_desk(api.url) as desk:
        assert await outcome(desk, "find_builds", wait_s=50) == AWAY


@every_row
async def test_a_read_gives_up_on_a_fault_that_lasts(
    row: Row, api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url, row.policy) as desk:
        api.fail(row.fault, "GET", 9)
        assert (await outcome(desk, "find_tickets"), len(api.requests)) == row.lasting


@every_row
@every_key
async def test_a_write_to_a_stranger_is_never_repeated_that_may_have_been_done(
    row: Row, key: Mapping[str, str], api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url, row.policy) as desk:
        api.fail(row.fault, "POST")
        told = await outcome(desk, "create_ticket", **TICKET, **key)
    assert (told, count(api.requests, "POST")) == row.write
    assert len(api.tickets) == (told == OK)


@every_row
@every_key
async def test_a_write_to_another_mcp_handoff_is_repeated_from_the_first_on(
    row: Row, key: Mapping[str, str], our_api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(our_api.url, row.policy) as desk:
        our_api.fail(row.fault, "POST")
        told = await outcome(desk, "create_ticket", **TICKET, **key)
    assert (told, count(our_api.requests, "POST")) == row.keyed
    assert len(our_api.tickets) == (told == OK)


async def test_whose_an_api_is_is_asked_once_before_the_first_write(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url) as desk:
        for _ in range(2):
            await desk.file_ticket()
    assert api.requests == ["GET", "POST", "POST"]


async def test_where_nobody_says_whose_an_api_is_a_write_goes_without_a_key(
    our_api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(our_api.url) as desk:
        our_api.fail(faults.resets_unread, "GET", 4)
        our_api.fail(faults.resets_undone, "POST")
        assert await outcome(desk, "create_ticket", **TICKET) == UNKNOWN
    assert count(our_api.requests, "POST") == 1


async def test_nothing_is_sent_where_nobody_listens(nowhere: str, open_desk: OpenDesk) -> None:
    async with open_desk(nowhere) as desk:
        assert await outcome(desk, "find_tickets") == AWAY
        refused = await desk.refusal("create_ticket", TICKET)
    assert (refused["code"], "nothing was sent" in refused["message"]) == (AWAY, True)


async def test_a_longer_wait_than_ours_is_handed_back(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url) as desk:
        api.fail(faults.refuses(429, {"retryAfter": 7.5}, Retry_After="60"), "POST")
        assert (await desk.refusal("create_ticket", TICKET))["retry_after"] == 7.5
        api.fail(faults.refuses(503, Retry_After="60"), "GET")
        assert (await desk.refusal("find_tickets", {}))["retry_after"] == 60
        api.fail(faults.refuses(429, Retry_After=LATER), "GET")
        assert 3000 < (await desk.refusal("find_tickets", {}))["retry_after"] <= 3600


async def test_a_ticket_that_others_filed_before_is_not_taken_for_a_lost_one(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    old = {**TICKET, "id": "1", "status": "open", "created_at": "2026-01-01T00:00:00Z"}
    other = {**TICKET, "id": "2", "status": "open", "description": "Something else."}
    api.tickets += [old, other]
    async with open_desk(api.url) as desk:
        api.fail(faults.resets_undone, "POST")
        assert await outcome(desk, "create_ticket", **TICKET) == UNKNOWN


async def test_a_ticket_that_can_not_be_looked_for_stays_unknown(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url) as desk:
        await outcome(desk, "find_tickets")
        api.fail(faults.resets_done, "POST")
        api.fail(faults.refuses(500), "GET", 9)
        assert await outcome(desk, "create_ticket", **TICKET) == UNKNOWN
    assert api.requests == ["GET", "POST", "GET", "GET", "GET", "GET"]


async def test_the_budget_bounds_retries_while_an_api_is_down(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    calls = 30
    async with open_desk(api.url) as desk:
        api.fail(faults.refuses(503), "GET", 200)
        for _ in range(calls):
            assert await outcome(desk, "find_tickets") == AWAY
    assert calls < len(api.requests) <= calls + RetryBudget.MOST


async def test_the_whole_call_has_an_end_however_often_it_is_repeated(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    policy = replace(BRISK, read=2, call=3)
    async with open_desk(api.url, policy) as desk:
        api.fail(faults.hangs_undone, "GET", 9)
        error = await desk.refusal("find_tickets", {})
    assert error["message"] == "The API gave no response in 3 s; try again later."
    assert len(api.requests) == 2


async def test_a_call_that_is_cancelled_leaves_the_api(
    api: FaultServer, open_desk: OpenDesk
) -> None:
    async with open_desk(api.url, replace(BRISK, read=60, call=60)) as desk:
        api.fail(faults.hangs_done, "POST")
        call = asyncio.create_task(desk.call("create_ticket", **TICKET))
        assert await asyncio.to_thread(api.holding.wait, TIMEOUT)
        call.cancel()
        assert await asyncio.to_thread(api.left.wait, TIMEOUT)
    assert api.requests == ["GET", "POST"]
