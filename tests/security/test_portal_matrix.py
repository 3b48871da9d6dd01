"""Every page and form of the portal, tried by everyone: what is not said here to be theirs is
refused. The routes are read off the portal itself: one that is new fails until it is said whose it
is."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk
from mcp_handoff.html.environment import STATIC
from mcp_handoff.portal.live import LivePages
from mcp_handoff.portal.pages import page_routes
from mcp_handoff.portal.rendering import SESSION_COOKIE, guard_of
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests.http.served import Served, make_project
from tests.mcp.wire import TIMEOUT
from tests.portal.browser import Browser
from tests.security.test_matrix import (
    EVERYONE,
    FILTERED,
    FOLLOW,
    MARK,
    OTHERS,
    READ,
    STRANGERS,
    WRITE,
    Owned,
    Place,
    made_tokens,
    owned,
)

pytestmark = pytest.mark.proof

BOTS = frozenset({"bot", "shop-bot", "app-bot"})
PEOPLE = EVERYONE - BOTS
ADMINS = frozenset({"admin"})
HISTORIANS = FOLLOW | {"app-user", "app-admin"}
"""Whoever may take events away: of a project that they may not see there are none."""

PAGES: Mapping[tuple[str, str], Owned] = {
    ("GET", "/"): owned(READ),
    ("GET", "/changes"): owned(READ),
    ("GET", "/inbox"): owned(READ),
    ("GET", "/builds"): owned(PEOPLE),
    ("GET", "/people"): owned(READ),
    ("GET", "/activity"): owned(FOLLOW),
    ("GET", "/activity/{name}"): owned(HISTORIANS),
    ("GET", "/new"): owned(READ),
    ("GET", "/new/similar"): owned(FILTERED, title="Checkout fails"),
    ("GET", "/settings"): owned(ADMINS),
    ("GET", "/tickets/{ticket}"): owned(READ),
    ("POST", "/theme"): owned(PEOPLE, theme="dark"),
    ("POST", "/moves"): owned(WRITE, to="HO-1-shop up_next 2026-01-01T00:00:00Z"),
    ("POST", "/tickets"): owned(
        WRITE,
        title="Filed by <caller>",
        description="It answers 500.",
        request_type="bug",
        roles="backend",
        priority="low",
    ),
    ("POST", "/tickets/{ticket}/messages"): owned(WRITE, body=MARK),
    ("POST", "/tickets/{ticket}/takes"): owned(WRITE, role="backend"),
    ("POST", "/tickets/{ticket}/changes"): owned(WRITE, priority="high"),
    ("POST", "/suggestions/{suggestion}"): owned(WRITE, action="decline", reason="no"),
    ("POST", "/settings/projects/{project}"): owned(ADMINS),
    ("POST", "/settings/tokens"): owned(ADMINS, name="<caller>'s own", role="reader"),
    ("POST", "/settings/tokens/{token}/rotate"): owned(ADMINS),
    ("POST", "/settings/tokens/{token}/revoke"): owned(ADMINS),
    ("POST", "/settings/repositories"): owned(ADMINS, name="acme/<caller>", linked="shop"),
    ("POST", "/settings/repositories/{repository}/unlink"): owned(ADMINS),
    ("POST", "/settings/webhooks"): owned(ADMINS, url=f"https://{MARK}.invalid/"),
    ("POST", "/settings/webhooks/{webhook}"): owned(ADMINS, do="test"),
}
"""Whose each route of the portal is, asked about project shop; bots sign in nowhere."""


class Portal:
    """The portal of a place, and who is signed in there, each with a session and a client."""

    def __init__(self, place: Place) -> None:
        names = place.names
        self.names = {
            "name": "events.csv",
            "ticket": "HO-1-shop",
            "suggestion": names["suggestionId"],
            "project": "shop",
            "token": names["token"],
            "repository": names["repository_id"],
            "webhook": names["webhook_id"],
        }
        self.url = place.served.url
        self.sessions = {"": ""}
        for caller in sorted(STRANGERS | EVERYONE):
            with Browser(place.served) as browser:
                if caller:
                    browser.http.headers["X-Forwarded-For"] = "203.0.113.250"
                    browser.sign_in(place.tokens[caller])
                self.sessions[caller] = browser.http.cookies.get(SESSION_COOKIE) or ""

    def request(self, method: str, path: str, caller: str) -> httpx2.Response:
        """Make a caller's request about project shop; of a stream, no more than its head."""
        session = self.sessions[caller]
        fields = {
            name: value.replace("<caller>", caller or "nobody")
            for name, value in PAGES[method, path].arguments.items()
        } | {"project": "shop"}
        cookies = {SESSION_COOKIE: session} if session else {}
        address = path.format(**self.names)
        with httpx2.Client(base_url=self.url, cookies=cookies, timeout=TIMEOUT) as http:
            if method == "POST":
                return http.post(address, data={**fields, "guard": guard_of(session)})
            with http.stream(method, address, params=fields) as response:
                if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                    response.read()
                return response


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    store = tmp_path_factory.mktemp("portal") / "handoff.db"
    for slug in ("shop", "app"):
        make_project(store, slug)
    tokens = made_tokens(store)
    with Served(store, HANDOFF_PROJECT="shop", HANDOFF_TRUSTED_PROXIES="127.0.0.1") as served:
        yield Portal(Place(served, tokens))


async def test_every_route_has_an_owner(store: Path) -> None:
    backend = StoreBackend(SqliteDatabase.open(store))
    desk = Desk(backend, read_settings({}))
    routes = {
        (method, route.path)
        for route in page_routes(desk, LivePages(desk))
        for method in (route.methods or set[str]()) - {"HEAD"}
        if not route.path.startswith(STATIC)
    }
    await backend.close()
    assert routes == PAGES.keys()


def test_neither_strangers_nor_bots_are_signed_in(portal: Portal) -> None:
    assert {name for name, session in portal.sessions.items() if session} == PEOPLE


@pytest.mark.parametrize("route", PAGES, ids=" ".join)
def test_a_page_or_a_form_is_its_owners_alone(portal: Portal, route: tuple[str, str]) -> None:
    owners = PAGES[route].owners - BOTS
    for caller in sorted(STRANGERS | EVERYONE, key=lambda name: name in owners):
        response = portal.request(*route, caller)
        if caller not in PEOPLE:
            assert response.status_code == 303, (caller, response.status_code)
            assert response.headers["Location"].startswith("/sign-in"), caller
        else:
            # A ticket for a project that is not there comes back as a form with something wrong.
            refused = response.status_code in (400, 401, 403, 404)
            assert refused != (caller in owners), (caller, response.status_code)
        if caller in OTHERS | STRANGERS | BOTS and response.is_stream_consumed:
            assert MARK not in response.text, caller
