"""Wrong tokens are tried slowly; a valid one from the same address waits for nobody."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mcp_handoff.http.wrong_tokens import HELD, HOLD_SECONDS, PROMPT_A_MINUTE
from tests.http.served import Served, bearer, make_project, make_token

AT_ONCE = 4 * HELD


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("wrong") / "handoff.db"
    make_project(store, "shop")
    proxied = {"HANDOFF_TRUSTED_PROXIES": "127.0.0.1"}
    with Served(store, token=make_token(store, "ada", "user"), **proxied) as running:
        yield running


def tried(served: Served, client: str, token: str = "mho_x") -> tuple[int, float]:
    """Return the status of a call from an address, and the seconds that it took."""
    begun = time.monotonic()
    headers = bearer(token) | {"X-Forwarded-For": client}
    status = served.http.get("/api/projects", headers=headers).status_code
    return status, time.monotonic() - begun


@pytest.mark.parametrize(
    ("client", "neighbour", "stranger"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
    ],
)
def test_after_many_wrong_tokens_of_an_address_any_more_wait(
    served: Served, client: str, neighbour: str, stranger: str
) -> None:
    for _ in range(PROMPT_A_MINUTE):
        assert tried(served, client)[0] == 401
    status, seconds = tried(served, neighbour)
    assert status == 401
    assert seconds >= HOLD_SECONDS
    for address, token, expected in ((stranger, "mho_x", 401), (client, served.token, 200)):
        answers = [tried(served, address, token) for _ in range(3)]
        assert {status for status, _ in answers} == {expected}
        assert min(seconds for _, seconds in answers) < HOLD_SECONDS


def test_few_wait_and_the_others_are_told_to_stay_away(served: Served) -> None:
    client = "198.51.100.9"
    for _ in range(PROMPT_A_MINUTE):
        tried(served, client)
    with ThreadPoolExecutor(AT_ONCE) as crowd:
        waiting = [crowd.submit(tried, served, client) for _ in range(AT_ONCE)]
        assert tried(served, client, served.token)[0] == 200
        statuses = Counter(answer.result()[0] for answer in waiting)
    assert set(statuses) == {401, 429}
    assert statuses[401] >= HELD
