"""The HTTP client: where it goes, how much it reads, how long it waits, and how it fails."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from mcp_handoff.http_client import (
    BrokenOff,
    Deadlines,
    HttpClient,
    HttpError,
    NotSent,
    Response,
    TimedOut,
)
from tests.remote import faults
from tests.remote.faults import Fault, FaultServer, unused_address

DEADLINES = Deadlines(connect=5, read=5, total=10)
LIMIT = 100_000


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def proxy() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with aclosing(HttpClient(DEADLINES, body_limit=LIMIT)) as client:
        yield client


async def get(
    server: FaultServer,
    fault: Fault | None = None,
    deadlines: Deadlines = DEADLINES,
    body_limit: int = LIMIT,
) -> Response:
    """Return what a server responds that fails in this way."""
    if fault is not None:
        server.fail(fault, "GET")
    async with aclosing(HttpClient(deadlines, body_limit=body_limit)) as client:
        return await client.request("GET", server.url)


async def test_a_response_is_its_status_its_headers_and_its_body(server: FaultServer) -> None:
    response = await get(server)
    assert (response.status, response.body) == (200, b'{"tickets": []}')
    assert response.headers["content-type"] == response.headers["Content-Type"] == faults.JSON


async def test_connections_are_kept(http: HttpClient, server: FaultServer) -> None:
    for _ in range(3):
        await http.request("GET", server.url)
    assert (server.opened, len(server.requests)) == (1, 3)


async def test_proxies_are_used_for_https_alone(
    server: FaultServer, proxy: FaultServer, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("NO_PROXY", "")
    proxy.fail(faults.resets_undone, "CONN")
    assert (await http.request("GET", server.url)).status == 200
    assert proxy.requests == []
    with pytest.raises(HttpError):
        await http.request("GET", "https://desk.example/api")
    assert (proxy.requests, server.requests) == (["CONN"], ["GET"])


async def test_a_redirect_is_a_response_like_any_other(server: FaultServer) -> None:
    fault = faults.refuses(307, Location=f"{server.url}/elsewhere")
    assert (await get(server, fault)).status == 307
    assert server.requests == ["GET"]


async def test_a_body_that_is_too_long_is_cut_off(server: FaultServer) -> None:
    response = await get(server, faults.floods)
    assert (response.status, response.body) == (200, None)
    assert server.sent < faults.HUGE / 2


async def test_no_body_is_waited_for_where_none_is_read(server: FaultServer) -> None:
    response = await get(server, faults.holds_the_body, body_limit=0)
    assert (response.status, response.body) == (200, None)


@pytest.mark.parametrize("fault", [faults.resets_unread, faults.resets_done, faults.responds_half])
async def test_a_connection_that_breaks_is_broken_off(server: FaultServer, fault: Fault) -> None:
    with pytest.raises(BrokenOff):
        await get(server, fault)


@pytest.mark.parametrize(
    ("fault", "deadlines"),
    [
        (faults.hangs_done, Deadlines(connect=5, read=0.2)),
        (faults.hangs_done, Deadlines(connect=5, read=5, total=0.2)),
        (faults.drips, Deadlines(connect=5, read=5, total=0.2)),
    ],
    ids=["read", "total", "total of a slow drip"],
)
async def test_what_takes_too_long_has_timed_out(
    server: FaultServer, fault: Fault, deadlines: Deadlines
) -> None:
    with pytest.raises(TimedOut):
        await get(server, fault, deadlines)


@pytest.mark.parametrize("address", ["", "desk.example", "ftp://desk.example", "http://a:b:c"])
async def test_nothing_is_sent_to_what_is_no_address(http: HttpClient, address: str) -> None:
    with pytest.raises(NotSent):
        await http.request("GET", address)


async def test_nothing_is_sent_where_nobody_listens(http: HttpClient) -> None:
    for address in unused_address():
        with pytest.raises(NotSent):
            await http.request("POST", address, json={})
