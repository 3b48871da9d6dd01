"""Who gets into the portal, how long for, and that nobody else acts in their name."""

import re
from pathlib import Path

import httpx2
import pytest

from mcp_handoff.principals import PrincipalRole
from tests.http.served import Served, bearer, command, make_token
from tests.portal.browser import Browser
from tests.portal.scene import People, Scene
from tests.requests import TICKET
from tests.security.test_portal_matrix import PAGES

pytestmark = pytest.mark.proof


def test_whoever_shows_a_token_sees_what_they_wanted_to(desk: Served) -> None:
    with Browser(desk) as browser:
        page = browser.visit("/inbox?project=shop")
        assert page.response.url.path == "/sign-in"
        assert ("Inbox" in page.links, "asks nobody" in page.text) == (False, False)
        page = browser.submit("Sign in", token=make_token(desk.store, "mia", "user"))
    assert (page.response.url.path, page.response.url.query) == ("/inbox", b"project=shop")
    assert "mia, user" in page.text


@pytest.mark.parametrize(
    ("role", "words"),
    [("bot", "a bot's token"), (None, "unknown, expired or revoked")],
)
def test_a_bots_token_and_a_wrong_one_sign_nobody_in(
    desk: Served, role: PrincipalRole | None, words: str
) -> None:
    token = make_token(desk.store, "ci", role) if role else "mho_" + "0" * 32 + "_wrong"
    with Browser(desk) as browser:
        page = browser.sign_in(token)
        assert (page.response.status_code, words in page.text) == (401, True)
        assert token not in page.response.text
        assert browser.visit("/").response.url.path == "/sign-in"


def test_revoking_a_token_ends_its_sessions_at_once(people: People) -> None:
    store = people.desk.store
    with Browser(people.desk) as eve:
        eve.sign_in(make_token(store, "eve", "user"))
        assert eve.visit("/").response.url.path == "/"
        command(store, "token", "revoke", "eve")
        assert eve.visit("/").response.url.path == "/sign-in"


def test_signing_out_ends_it_for_this_browser(mia: Browser) -> None:
    mia.visit("/")
    assert mia.submit("Sign out").response.url.path == "/sign-in"
    assert mia.visit("/").response.url.path == "/sign-in"


@pytest.mark.parametrize("part", ["id", "begun", "seal"])
def test_a_session_that_was_tampered_with_is_nobodys(
    scene: Scene, mia: Browser, bob: Browser, part: str
) -> None:
    session, other = (browser.http.cookies["handoff_session"].split(".") for browser in (mia, bob))
    place = ("id", "begun", "seal").index(part)
    session[place] = str(int(session[1]) + 1) if part == "begun" else other[place]
    with Browser(scene.people.desk) as browser:
        browser.http.cookies.set("handoff_session", ".".join(session))
        assert browser.visit("/").response.url.path == "/sign-in"


def test_a_cookie_is_read_by_no_script_and_sent_by_no_other_site(desk: Served) -> None:
    with Browser(desk) as browser:
        page = browser.sign_in(make_token(desk.store, "mia", "user"))
    [set_cookie] = page.response.history[-1].headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=lax"} <= {part.strip() for part in set_cookie.split(";")}


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(desk: Served, address: str) -> None:
    with Browser(desk) as browser:
        browser.visit("/sign-in")
        page = browser.submit("Sign in", token=make_token(desk.store, "mia", "user"), next=address)
    assert str(page.response.url) == f"{desk.url}/"


@pytest.mark.parametrize("guard", ["", "wrong", None])
def test_a_form_that_is_none_of_this_session_does_nothing(
    scene: Scene, mia: Browser, guard: str | None
) -> None:
    form = {key: value for key, value in TICKET.items() if isinstance(value, str)}
    if guard is not None:
        form["guard"] = guard
    refused = mia.http.post("/tickets", data=form)
    assert refused.status_code == 403
    assert scene.send("mia", "GET", "/tickets")["tickets"] == []


def test_another_sites_page_can_not_send_a_form(mia: Browser) -> None:
    mia.visit("/new")
    [sent] = [form.fields for form in mia.page.forms if form.action == "/tickets"]
    form = {**sent, "title": "Checkout fails"}
    refused = mia.http.post("/tickets", data=form, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403


def test_what_is_no_form_is_refused(mia: Browser) -> None:
    assert mia.http.post("/tickets", json={}).status_code == 400


def test_a_desk_without_tokens_is_open_and_says_so(store: Path) -> None:
    with Served(store) as served, Browser(served) as browser:
        page = browser.visit("/")
        assert page.response.status_code == 200
        assert "There is none yet, so whoever is at this machine may do everything" in page.text
        assert "token create NAME --role admin" in page.text
        assert "--no-auth" not in page.text
        assert browser.visit("/sign-in").response.url.path == "/"


def test_a_desk_that_was_told_to_ask_for_no_token_says_so_too(store: Path) -> None:
    make_token(store, "root", "admin")
    with Served(store, "--no-auth") as served, Browser(served) as browser:
        assert "started with --no-auth, so whoever reaches it" in browser.visit("/").text


def test_a_desk_without_tokens_shows_nothing_to_whom_a_proxy_lets_in(store: Path) -> None:
    with Served(store) as served:
        page = httpx2.get(f"{served.url}/", headers={"X-Forwarded-For": "203.0.113.9"})
    assert page.status_code == 403
    assert "text/html" in page.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path"), [(method, re.sub(r"{\w+}", "1", path)) for method, path in PAGES]
)
def test_no_page_is_shown_and_nothing_is_done_before_one_signs_in(
    people: People, method: str, path: str
) -> None:
    with httpx2.Client(base_url=people.desk.url) as stranger:
        answer = stranger.request(method, path, data={"guard": "x"} if method == "POST" else None)
    assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")
    assert answer.text == ""


def test_an_api_token_is_no_session_and_a_session_no_api_token(scene: Scene, mia: Browser) -> None:
    with httpx2.Client(base_url=scene.url, headers=bearer(scene.people.desk.token)) as bot:
        assert bot.get("/").status_code == 303
    assert mia.http.get("/api/projects").status_code == 401


def test_a_reader_can_send_a_form_and_is_refused(desk: Served) -> None:
    desk.http.post(
        "/api/projects/shop/tickets", json={**TICKET, "priority": "low", "blocking": False}
    )
    with Browser(desk) as rita:
        page = rita.sign_in(make_token(desk.store, "rita", "reader"), "/tickets/HO-1-shop")
        [guard] = [form.fields["guard"] for form in page.forms if form.action == "/sign-out"]
        for path in ("messages", "takes", "changes"):
            form = {"guard": guard, "body": "Hello", "role": "backend", "priority": "high"}
            fields = {"messages": ("body",), "takes": ("role",), "changes": ("priority",)}[path]
            sent = {name: form[name] for name in ("guard", *fields)}
            assert rita.http.post(f"/tickets/HO-1-shop/{path}", data=sent).status_code == 403
