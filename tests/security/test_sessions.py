"""Sessions of the handshake revisions: nobody can take all of them, and the unused give way."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mcp_handoff.http.capacity import LEAST_CONNECTIONS, RESERVED_FILES, Capacity
from tests.http.served import Served, bearer, make_project, make_token
from tests.mcp.wire import INITIALIZE, request

pytestmark = pytest.mark.proof

CAPACITY = Capacity(LEAST_CONNECTIONS)

FILES = str(LEAST_CONNECTIONS + RESERVED_FILES)

ACCEPTED = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("sessions") / "handoff.db"
    make_project(store, "shop")
    with Served(store, token=make_token(store, "ada", "user"), files=FILES) as running:
        yield running


def opened(served: Served, token: str) -> str:
    """Return the id of a new session."""
    initialize = request(0, "initialize", **INITIALIZE)
    begun = served.http.post("/mcp", json=initialize, headers=ACCEPTED | bearer(token))
    assert begun.status_code == 200
    return begun.headers["Mcp-Session-Id"]


def status_of(served: Served, token: str, session: str) -> int:
    """Return what is answered to a request in a session."""
    headers = ACCEPTED | bearer(token) | {"Mcp-Session-Id": session}
    return served.http.post("/mcp", json=request(1, "ping"), headers=headers).status_code


def test_the_longest_unused_session_of_a_token_gives_way_to_its_next(served: Served) -> None:
    token = make_token(served.store, "ci-bot", "bot")
    others = opened(served, served.token)
    first, second, streaming, *_ = [opened(served, token) for _ in range(CAPACITY.sessions_of_one)]
    with ExitStack() as streams:
        headers = ACCEPTED | bearer(token) | {"Mcp-Session-Id": streaming}
        stream = streams.enter_context(served.http.stream("GET", "/mcp", headers=headers))
        assert stream.status_code == 200
        assert status_of(served, token, first) == 200
        newest = [opened(served, token) for _ in range(CAPACITY.sessions_of_one - 2)]
        assert status_of(served, token, second) == 404
        for kept in (first, streaming, *newest):
            assert status_of(served, token, kept) == 200
    assert status_of(served, served.token, others) == 200


def test_when_there_are_too_many_whoever_keeps_most_gives_way(served: Served) -> None:
    own = opened(served, served.token)
    tokens = [make_token(served.store, f"bot {number}", "bot") for number in range(4)]
    sessions = [
        (token, opened(served, token)) for token in tokens for _ in range(CAPACITY.sessions_of_one)
    ]
    assert len(sessions) > CAPACITY.sessions
    assert status_of(served, *sessions[0]) == 404
    assert status_of(served, *sessions[-1]) == 200
    assert status_of(served, served.token, own) == 200
