"""A desk behind nginx and behind Caddy, as `deploy/` sets them up, by the real programs."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.subscriptions import ResourceUpdated

from mcp_handoff.http.body_limit import BODY_BYTES, DELIVERY_BYTES
from mcp_handoff.http.serving import SILENCE_SECONDS
from tests.deploy.programs import DEPLOY
from tests.deploy.proxies import HOST, Front, caddy, nginx
from tests.http.conftest import TRANSPORTS
from tests.http.served import Served, bearer, make_project, make_token
from tests.http.test_deliveries import Forge, link
from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT
from tests.portal.browser import Browser
from tests.portal.hearing import hearing
from tests.requests import TICKET

pytestmark = pytest.mark.proof

Proxy = Callable[[str, Path], AbstractContextManager[Front]]

BOARD = "handoff://tickets"


@pytest.fixture(scope="module", params=[nginx, caddy])
def proxy(request: pytest.FixtureRequest) -> Proxy:
    return request.param


@pytest.fixture(scope="module")
def token(shared_store: Path) -> str:
    make_project(shared_store, "shop")
    return make_token(shared_store, "mia", "user")


@pytest.fixture(scope="module")
def secret(shared_store: Path) -> str:
    """The secret of a repository of GitHub's, linked to project shop."""
    return link(shared_store, "github")


@pytest.fixture(scope="module")
def served(shared_store: Path, token: str) -> Iterator[Served]:
    with behind_a_proxy(shared_store, token) as running:
        yield running


@pytest.fixture(scope="module")
def front(
    proxy: Proxy, served: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """A proxy that a module's tests share, before the desk that they share."""
    with proxy(served.url, tmp_path_factory.mktemp("proxy")) as running:
        yield running


def behind_a_proxy(store: Path, token: str) -> Served:
    """A desk that is called by its name and trusts what is on this machine's first address."""
    settings = {"HANDOFF_TRUSTED_PROXIES": "127.0.0.1", "HANDOFF_LOG_LEVEL": "INFO"}
    return Served(store, "--allow-host", f"{HOST}:*", token=token, **settings)


def file_ticket(desk: Served, title: str) -> str:
    """File a ticket past the proxy; return its reference."""
    body = {**TICKET, "title": title, "priority": "low", "blocking": False}
    filed = desk.http.post("/api/projects/shop/tickets", json=body)
    assert filed.status_code == 201
    return filed.json()["ticket"]["reference"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_agents_work_through_it_by_each_way_to_speak_mcp(
    front: Front, token: str, transport: str
) -> None:
    async with httpx2.AsyncClient(headers=bearer(token), timeout=TIMEOUT) as http:
        if transport == "sse":
            client = Client(sse_client(f"{front.url}/sse", headers=bearer(token)))
        else:
            client = Client(
                streamable_http_client(f"{front.url}/mcp", http_client=http), mode=transport
            )
        async with client:
            ticket = await Agent(client).file_ticket(title=f"Filed over {transport} {front.url}")
            assert (await Agent(client).whole(ticket))["ticket"]["reference"] == ticket


async def test_what_is_heard_on_a_stream_comes_at_once(
    front: Front, served: Served, token: str
) -> None:
    async with (
        httpx2.AsyncClient(headers=bearer(token), timeout=TIMEOUT) as http,
        Client(
            streamable_http_client(f"{front.url}/mcp", http_client=http), mode="2026-07-28"
        ) as client,
        client.listen(resource_subscriptions=[BOARD]) as subscription,
    ):
        file_ticket(served, f"For an agent behind {front.url}")
        with anyio.fail_after(TIMEOUT):
            assert await anext(subscription) == ResourceUpdated(uri=BOARD)


def test_people_sign_in_over_tls_with_a_cookie_that_stays_there_and_see_live_pages(
    front: Front, served: Served, token: str
) -> None:
    with Browser(served) as browser:
        browser.http.base_url = front.url
        page = browser.sign_in(token, "/inbox")
        assert (page.response.url.path, page.response.url.host) == ("/inbox", HOST)
        cookies = [
            said for past in page.response.history for said in past.headers.get_list("set-cookie")
        ]
        assert cookies
        assert all("secure" in cookie.lower() for cookie in cookies)
        with hearing(browser, "shop") as events:
            ticket = file_ticket(served, f"For a person behind {front.url}")
            assert next(events).ticket == ticket


def test_whoever_comes_without_tls_is_sent_to_it(front: Front) -> None:
    sent = httpx2.get(f"{front.plain_url}/inbox?project=shop")
    assert sent.status_code == 308
    assert re.match(rf"https://{HOST}(:\d+)?/inbox\?project=shop$", sent.headers["location"])
    told = httpx2.get(f"{front.url}/healthz").headers["strict-transport-security"]
    assert told == "max-age=31536000"


def test_a_forges_longest_delivery_passes_and_the_desk_refuses_what_is_too_much(
    front: Front, served: Served, token: str, secret: str
) -> None:
    with httpx2.Client(base_url=front.url, headers=bearer(token), timeout=TIMEOUT) as http:
        forge = Forge(served, "github", secret)
        for length, status in ((DELIVERY_BYTES, 200), (DELIVERY_BYTES + 1, 413)):
            body = forge.padded(length)
            headers = forge.headers(f"{front.url}-{length}", body)
            assert http.post(forge.address, content=body, headers=headers).status_code == status
        unsigned = http.post(forge.address, content=forge.padded(DELIVERY_BYTES))
        assert unsigned.status_code == 401
        refused = http.post("/api/projects/shop/tickets", content=b" " * (BODY_BYTES + 1))
        assert refused.status_code == 413
        assert refused.headers["handoff-version"]


def test_the_desk_knows_whom_a_request_comes_from_whatever_the_client_says(
    proxy: Proxy, store: Path, tmp_path: Path
) -> None:
    token = make_token(store, "mia", "user")
    lies = {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.2;proto=http"}
    lies |= {"X-Real-IP": "198.51.100.3", "X-Forwarded-Proto": "http", "X-Request-Id": "made-up"}
    with behind_a_proxy(store, token) as served, proxy(served.url, tmp_path) as front:
        transport = httpx2.HTTPTransport(local_address="127.0.0.2")
        with httpx2.Client(transport=transport, base_url=front.url, timeout=TIMEOUT) as http:
            called = http.get("/api/projects", headers={**bearer(token), **lies})
            assert called.status_code == 200
        _, errors = served.end()
    lines = [json.loads(line) for line in errors.splitlines()]
    [line] = [line for line in lines if line.get("operation") == "list_projects"]
    assert (line["client"], line["request"]) == ("127.0.0.2", called.headers["x-request-id"])
    assert line["request"] != "made-up"


def test_a_host_that_is_not_the_desks_gets_nothing_of_it(front: Front) -> None:
    asked = httpx2.get(f"{front.url}/api/openapi.json", headers={"Host": "evil.example"})
    assert "openapi" not in asked.text


@pytest.mark.parametrize(
    ("name", "setting"),
    [("nginx.conf", r"keepalive_timeout (\d+)s;"), ("Caddyfile", r"keepalive (\d+)s\n")],
)
def test_a_proxy_gives_up_a_silent_connection_before_the_desk_does(name: str, setting: str) -> None:
    [seconds] = re.findall(setting, (DEPLOY / name).read_text())
    assert int(seconds) < SILENCE_SECONDS
