"""What one token may take for itself: the others are served meanwhile."""

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse

import pytest

from mcp_handoff.http.capacity import RESERVED_FILES, Capacity
from tests.http.served import Served, bearer, make_project, make_token
from tests.mcp.wire import TIMEOUT, enveloped
from tests.requests import TICKET
from tests.security.crowd import address_of, slowest

pytestmark = pytest.mark.proof

FILES = 512

CAPACITY = Capacity(FILES - RESERVED_FILES)

ACCEPTED = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
MODERN = {**ACCEPTED, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("shares") / "handoff.db"
    make_project(store, "shop")
    token = make_token(store, "ada", "user")
    with Served(store, token=token, files=str(FILES)) as running:
        yield running


@contextmanager
def asked(
    served: Served, method: str, path: str, headers: dict[str, str], message: object = None
) -> Generator[HTTPResponse]:
    """Begin to read a response on a connection of its own, which stays open until this is left."""
    connection = HTTPConnection(*address_of(served), timeout=TIMEOUT)
    connection.request(method, path, json.dumps(message) if message else None, headers)
    try:
        yield connection.getresponse()
    finally:
        connection.close()


def listen(served: Served, token: str) -> AbstractContextManager[HTTPResponse]:
    board = {"resourceSubscriptions": ["handoff://tickets"]}
    message = enveloped(1, "subscriptions/listen", notifications=board)
    return asked(served, "POST", "/mcp", MODERN | bearer(token), message)


def sse(served: Served, token: str) -> AbstractContextManager[HTTPResponse]:
    return asked(served, "GET", "/sse", ACCEPTED | bearer(token))


@pytest.mark.parametrize("open_stream", [listen, sse])
def test_a_token_opens_no_more_than_its_share_of_streams(
    served: Served, open_stream: Callable[[Served, str], AbstractContextManager[HTTPResponse]]
) -> None:
    token = make_token(served.store, f"fond of {open_stream.__name__}", "bot")
    with ExitStack() as streams:
        for _ in range(CAPACITY.streams_of_one):
            assert streams.enter_context(open_stream(served, token)).status == 200
        refused = streams.enter_context(open_stream(served, token))
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) >= 1
        told = json.loads(refused.read())
        assert (told["jsonrpc"], told["id"]) == ("2.0", None)
        assert told["error"]["data"]["error"]["code"] == "RATE_LIMITED"
        slowest(served)
        slowest(served, "/healthz")
    begun = time.monotonic()
    while time.monotonic() - begun < TIMEOUT:
        with open_stream(served, token) as opened_again:
            if opened_again.status == 200:
                return
    pytest.fail("its streams have ended, and it may open none")


def test_streams_leave_room_for_calls_whoever_has_them(served: Served) -> None:
    tokens = [make_token(served.store, f"listener {number}", "bot") for number in range(5)]
    with ExitStack() as streams:
        opened = [
            streams.enter_context(listen(served, token)).status
            for token in tokens
            for _ in range(CAPACITY.streams_of_one)
        ]
        assert opened.count(200) == CAPACITY.streams
        assert set(opened) == {200, 429}
        slowest(served)
        slowest(served, "/healthz")


def test_a_token_has_no_more_than_its_share_of_requests_under_way(served: Served) -> None:
    token = make_token(served.store, "slow", "bot")
    half = {"Content-Length": "999", "Content-Type": "application/json"} | bearer(token)
    with ExitStack() as connections:
        for _ in range(CAPACITY.calls_of_one):
            connection = connections.enter_context(closing(HTTPConnection(*address_of(served))))
            connection.request("POST", "/api/projects", headers=half)
        begun = time.monotonic()
        while served.http.get("/api/projects", headers=bearer(token)).status_code != 429:
            assert time.monotonic() - begun < TIMEOUT
        slowest(served)


def test_a_token_has_no_more_than_its_share_of_calls_that_wait_and_room_beside_them(
    served: Served,
) -> None:
    body = {**TICKET, "priority": "low", "blocking": False}
    assert served.http.post("/api/projects/shop/tickets", json=body).status_code == 201
    headers, path = (
        bearer(make_token(served.store, "patient", "bot")),
        "/api/projects/shop/tickets/1",
    )
    with ExitStack() as connections:
        for _ in range(CAPACITY.waits_of_one):
            connection = connections.enter_context(closing(HTTPConnection(*address_of(served))))
            connection.request("GET", f"{path}?wait_s=50", headers=headers)
        begun = time.monotonic()
        while (refused := served.http.get(f"{path}?wait_s=1", headers=headers)).status_code != 429:
            assert time.monotonic() - begun < TIMEOUT
            # One more, in place of any that was cut while all came at once.
            connection = connections.enter_context(closing(HTTPConnection(*address_of(served))))
            connection.request("GET", f"{path}?wait_s=50", headers=headers)
        assert refused.json()["code"] == "RATE_LIMITED"
        assert "leave wait_s out" in refused.json()["error"]
        assert served.http.get(path, headers=headers).status_code == 200
        slowest(served)
