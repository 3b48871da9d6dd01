"""Signing in to the portal at the OAuth issuer: who gets in, as whom, and who does not."""

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from mcp_handoff.config import read_settings
from mcp_handoff.errors import Misconfigured
from mcp_handoff.http.wrong_tokens import HOLD_SECONDS, PROMPT_A_MINUTE
from tests.chromium import opened
from tests.http.issuer import READ, WRITE
from tests.http.served import Served, bearer, make_project
from tests.http.signing_in import SigningIn
from tests.portal.browser import Browser, Page

pytestmark = pytest.mark.proof

AUDIENCE = "https://desk.example/mcp"
CALLBACK = "/sign-in/callback"
SESSION, ATTEMPT = "handoff_session", "handoff_sign_in"
ADDRESSES = itertools.count(1)
BUTTON = "Sign in with 127.0.0.1"


@pytest.fixture(scope="module")
def running() -> Iterator[SigningIn]:
    with SigningIn() as issuer:
        yield issuer


@pytest.fixture
def issuer(running: SigningIn) -> SigningIn:
    """The issuer that a file's tests share, as at its beginning."""
    running.begin()
    return running


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, running: SigningIn) -> Iterator[Served]:
    """A server that trusts it, behind a proxy."""
    store = tmp_path_factory.mktemp("shared") / "handoff.db"
    make_project(store, "shop")
    with trusting(running, store, HANDOFF_TRUSTED_PROXIES="127.0.0.1") as served:
        yield served


@pytest.fixture
def ada(desk: Served, issuer: SigningIn) -> Iterator[Browser]:
    """Somebody who has not signed in yet."""
    with Browser(desk) as browser:
        # Wrong tokens of one address are soon slowed.
        browser.http.headers["X-Forwarded-For"] = f"203.0.113.{next(ADDRESSES)}"
        yield browser


@pytest.fixture
def own_issuer() -> Iterator[SigningIn]:
    """An issuer of one test, which stops it."""
    with SigningIn() as issuer:
        yield issuer


def trusting(issuer: SigningIn, store: Path, **more: str) -> Served:
    return Served(
        store,
        HANDOFF_OAUTH_ISSUER=issuer.url,
        HANDOFF_OAUTH_AUDIENCE=AUDIENCE,
        HANDOFF_OAUTH_ROLE_CLAIM="roles",
        HANDOFF_OAUTH_PROJECTS_CLAIM="projects",
        HANDOFF_OAUTH_CLIENT_ID="desk",
        **more,
    )


def sign_in(browser: Browser, address: str = "/") -> Page:
    """Go to a page, by way of signing in at the issuer."""
    browser.visit(address)
    return browser.visit(browser.page.links[BUTTON])


def answered(browser: Browser, address: str = "/sign-in/oauth") -> str:
    """Leave for the issuer, and return the address that it sends the browser back to."""
    leaving = browser.http.get(address, follow_redirects=False)
    back = browser.http.get(leaving.headers["location"], follow_redirects=False)
    return back.headers["location"]


def refusal(page: Page, status: int) -> str:
    """Return the text of a page where one can sign in once more, and nobody is signed in."""
    assert (page.response.status_code, page.response.request.method) == (status, "GET")
    assert BUTTON in page.links
    assert SESSION not in page.response.headers.get("set-cookie", "")
    assert "<b>" not in page.text
    return page.text


def test_whoever_signs_in_at_the_issuer_sees_what_they_wanted_to(
    desk: Served, issuer: SigningIn, ada: Browser
) -> None:
    page = sign_in(ada, "/inbox?project=shop")
    assert (page.response.url.path, page.response.url.query) == ("/inbox", b"project=shop")
    assert "ada, user" in page.text
    [asked], [sent] = issuer.asked, issuer.exchanged
    assert asked["redirect_uri"] == sent["redirect_uri"] == f"{desk.url}{CALLBACK}"
    assert (asked["scope"], asked["resource"]) == (f"{READ} {WRITE}", AUDIENCE)
    assert (asked["realm"], asked["client_id"], sent["client_id"]) == ("1", "desk", "desk")
    assert ATTEMPT not in ada.http.cookies


def test_what_they_write_is_theirs(ada: Browser) -> None:
    sign_in(ada, "/new")
    page = ada.submit(
        "File it", title="Pay twice", description="It charges twice.", request_type="bug"
    )
    assert re.fullmatch(r"/tickets/HO-\d+-shop", page.response.url.path)
    assert "ada" in page.text


def test_the_cookies_are_read_by_no_script_and_end_in_time(ada: Browser) -> None:
    leaving = ada.http.get("/sign-in/oauth", follow_redirects=False)
    parts = {part.strip() for part in leaving.headers["set-cookie"].split(";")}
    assert {"HttpOnly", "SameSite=lax", "Path=/sign-in", "Max-Age=600"} <= parts
    back = ada.http.get(answered(ada), follow_redirects=False)
    session, attempt = back.headers.get_list("set-cookie")
    kept = {part.strip().partition("=")[0]: part.partition("=")[2] for part in session.split(";")}
    assert {"HttpOnly", SESSION, "SameSite"} <= kept.keys()
    assert 0 < int(kept["Max-Age"]) <= 300
    assert attempt.startswith(f'{ATTEMPT}=""')


@pytest.mark.parametrize("forwarded", ["X-Forwarded-Proto: https", "Forwarded: proto=https"])
def test_behind_tls_the_cookies_are_for_tls_alone(
    desk: Served, ada: Browser, forwarded: str
) -> None:
    name, _, value = forwarded.partition(": ")
    leaving = ada.http.get("/sign-in/oauth", headers={name: value}, follow_redirects=False)
    assert "Secure" in leaving.headers["set-cookie"]
    asked = dict(parse_qsl(urlsplit(leaving.headers["location"]).query))
    assert asked["redirect_uri"] == f"{desk.url.replace('http', 'https')}{CALLBACK}"


def test_one_comes_back_at_the_public_address(store: Path, issuer: SigningIn) -> None:
    public = {"HANDOFF_PUBLIC_URL": "https://desk.example/"}
    with trusting(issuer, store, **public) as served, Browser(served) as browser:
        leaving = browser.http.get("/sign-in/oauth", follow_redirects=False)
    asked = dict(parse_qsl(urlsplit(leaving.headers["location"]).query))
    assert asked["redirect_uri"] == f"https://desk.example{CALLBACK}"


@pytest.mark.parametrize("proves_by", ["client_secret_basic", "client_secret_post"])
def test_a_server_with_a_secret_proves_who_it_is(store: Path, proves_by: str) -> None:
    with SigningIn("s3cr3t", proves_by) as issuer:
        issuer.claims["roles"] = "reader"
        with (
            trusting(issuer, store, HANDOFF_OAUTH_CLIENT_SECRET="s3cr3t") as served,
            Browser(served) as browser,
        ):
            assert "ada, reader" in sign_in(browser).text
        assert ("client_secret" in issuer.exchanged[0]) == (proves_by == "client_secret_post")


@pytest.mark.parametrize("state", ["", "state=", "state=wrong", "state=%F0%9F%8E%AB"])
def test_an_answer_to_what_this_browser_did_not_begin_lets_nobody_in(
    issuer: SigningIn, ada: Browser, state: str
) -> None:
    code = dict(parse_qsl(urlsplit(answered(ada)).query))["code"]
    page = ada.visit(f"{CALLBACK}?code={code}&{state}")
    assert "not begun in this browser" in refusal(page, 400)
    assert issuer.exchanged == []


@pytest.mark.parametrize("cookie", [None, "", "||", "a|b", "a|b|c|d", "x" * 3000])
def test_nobody_gets_in_whose_browser_does_not_know_the_attempt_any_more(
    ada: Browser, issuer: SigningIn, cookie: str | None
) -> None:
    address = answered(ada)
    ada.http.cookies.delete(ATTEMPT)
    if cookie is not None:
        ada.http.cookies.set(ATTEMPT, cookie)
    assert "too long ago" in refusal(ada.visit(address), 400)
    assert issuer.exchanged == []


def test_a_code_is_good_for_one_sign_in(desk: Served, ada: Browser) -> None:
    address = answered(ada)
    attempt = ada.http.cookies[ATTEMPT]
    assert ada.visit(address).response.url.path == "/"
    with Browser(desk) as thief:
        assert "not begun in this browser" in refusal(thief.visit(address), 400)
        thief.http.cookies.set(ATTEMPT, attempt)
        assert "gave no token" in refusal(thief.visit(address), 401)


def test_whoever_intercepts_a_code_cannot_use_it_in_another_browser(
    desk: Served, ada: Browser
) -> None:
    code = dict(parse_qsl(urlsplit(answered(ada)).query))["code"]
    with Browser(desk) as thief:
        own = dict(parse_qsl(urlsplit(answered(thief)).query))
        page = thief.visit(f"{CALLBACK}?code={code}&state={own['state']}&iss={own['iss']}")
        assert "gave no token" in refusal(page, 401)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("access_denied", 403, "access was denied"),
        ("temporarily_unavailable", 502, "try again"),
        ("invalid_scope", 403, "does not take how this desk asks"),
        ("<script>", 403, "does not take how this desk asks"),
    ],
)
def test_whom_the_issuer_does_not_let_in_learns_that_in_our_words(
    issuer: SigningIn, ada: Browser, error: str, status: int, words: str
) -> None:
    issuer.refuses = error
    page = sign_in(ada, "/inbox")
    assert words in refusal(page, status)
    assert "Not you" not in page.text
    issuer.refuses = None
    assert ada.visit(page.links[BUTTON]).response.url.path == "/inbox"


@pytest.mark.parametrize("named", [None, "https://other.example"])
def test_an_answer_that_another_issuer_gave_is_not_taken(
    issuer: SigningIn, ada: Browser, named: str | None
) -> None:
    issuer.named = named
    assert "not the answer of 127.0.0.1" in refusal(sign_in(ada), 400)
    assert issuer.exchanged == []


@pytest.mark.parametrize(
    ("claims", "status", "words"),
    [
        ({"aud": "https://other.example/mcp"}, 401, "for something else"),
        ({"exp": 1}, 401, "has expired"),
        ({"roles": ["bot"]}, 401, "a bot's"),
        ({"roles": ["guest"]}, 403, "roles"),
        ({"projects": ["No Slug"]}, 403, "projects"),
        ({"scope": "profile"}, 403, "no scope"),
        ({"cnf": {"jkt": "x"}}, 401, "bound to a key"),
        ({"groups": ["x" * 4000]}, 403, "more than a browser keeps"),
    ],
)
def test_a_token_that_opens_nothing_signs_nobody_in(
    issuer: SigningIn, ada: Browser, claims: dict[str, object], status: int, words: str
) -> None:
    issuer.claims |= claims
    assert words in refusal(sign_in(ada), status)
    assert ada.visit("/").response.url.path == "/sign-in"


@pytest.mark.parametrize(
    ("claims", "path"),
    [
        ({}, "/"),
        ({"exp": 1}, "/sign-in"),
        ({"roles": "bot"}, "/sign-in"),
        ({"aud": "x"}, "/sign-in"),
    ],
)
def test_each_request_checks_the_token_anew(
    issuer: SigningIn, ada: Browser, claims: dict[str, Any], path: str
) -> None:
    held: dict[str, Any] = issuer.claims | claims
    token = issuer.token(AUDIENCE, **held)
    ada.http.cookies.set(SESSION, f"oauth:{token}")
    assert ada.visit("/").response.url.path == path


def test_a_token_is_no_session_of_the_store_and_a_session_no_token(
    desk: Served, issuer: SigningIn, ada: Browser
) -> None:
    sign_in(ada)
    session = ada.http.cookies[SESSION]
    with httpx2.Client(base_url=desk.url) as stranger:
        for secret in (session, session.removeprefix("oauth:")):
            status = stranger.get("/api/projects", headers=bearer(secret)).status_code
            assert status == (401 if secret is session else 200)
        for wrong in (session.removeprefix("oauth:"), "oauth:", "oauth:mho_x", "oauth"):
            cookie = {"Cookie": f"{SESSION}={wrong}"}
            assert stranger.get("/", headers=cookie).status_code == 303


def test_signing_out_ends_it(ada: Browser) -> None:
    sign_in(ada)
    assert ada.submit("Sign out").response.url.path == "/sign-in"
    assert ada.visit("/").response.url.path == "/sign-in"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\e", "/api/docs"])
def test_signing_in_leads_to_no_other_site(desk: Served, ada: Browser, wanted: str) -> None:
    ada.visit(f"/sign-in/oauth?{httpx2.QueryParams({'next': wanted})}")
    assert str(ada.page.response.url) == f"{desk.url}/"


def test_an_address_too_long_for_a_cookie_leads_to_the_board(desk: Served, ada: Browser) -> None:
    for length, path in ((100, "/inbox"), (1500, "/")):
        wanted = httpx2.QueryParams({"next": f"/inbox?text={'&' * length}"})
        assert ada.visit(f"/sign-in/oauth?{wanted}").response.url.path == path


def test_while_the_issuer_is_away_one_is_told_to_try_again(
    store: Path, own_issuer: SigningIn
) -> None:
    with trusting(own_issuer, store) as served, Browser(served) as browser:
        address = answered(browser)
        own_issuer.stop()
        assert "signs nobody in at the moment" in refusal(browser.visit(address), 502)


def test_an_issuer_that_was_never_there_leaves_the_field_for_tokens(
    store: Path, own_issuer: SigningIn
) -> None:
    own_issuer.stop()
    with trusting(own_issuer, store) as served, Browser(served) as browser:
        page = sign_in(browser)
    assert "can't be reached" in refusal(page, 502)
    assert "token" in page.forms[0].fields


def test_wrong_codes_are_tried_slowly(issuer: SigningIn, ada: Browser) -> None:
    def tried() -> float:
        begun = time.monotonic()
        ada.http.cookies.set(ATTEMPT, f"state|{'v' * 43}|")
        answer = ada.http.get(f"{CALLBACK}?state=state&code=x&iss={issuer.url}")
        assert answer.status_code == 401
        return time.monotonic() - begun

    for _ in range(PROMPT_A_MINUTE):
        tried()
    assert tried() >= HOLD_SECONDS


def test_without_a_client_there_is_no_such_button(store: Path, issuer: SigningIn) -> None:
    settings = {"HANDOFF_OAUTH_ISSUER": issuer.url, "HANDOFF_OAUTH_AUDIENCE": AUDIENCE}
    with Served(store, **settings) as served, Browser(served) as browser:
        assert BUTTON not in browser.visit("/sign-in").links
        assert browser.http.get("/sign-in/oauth").status_code == 404
        assert browser.http.get(CALLBACK).status_code == 404


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"HANDOFF_OAUTH_CLIENT_ID": "desk"}, "HANDOFF_OAUTH_ISSUER"),
        ({"HANDOFF_OAUTH_CLIENT_SECRET": "s3cr3t"}, "HANDOFF_OAUTH_CLIENT_ID"),
        ({"HANDOFF_OAUTH_CLIENT_ID": "two words"}, "one word"),
        (
            {
                "HANDOFF_OAUTH_ISSUER": "https://issuer.example",
                "HANDOFF_OAUTH_AUDIENCE": AUDIENCE,
                "HANDOFF_OAUTH_CLIENT_ID": AUDIENCE,
            },
            "must not be HANDOFF_OAUTH_AUDIENCE",
        ),
    ],
)
def test_settings_that_make_no_sense_stop_the_start(settings: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as refused:
        read_settings(settings)
    assert "s3cr3t" not in str(refused.value)


def test_a_person_signs_in_at_another_site_and_out_in_a_real_browser(
    desk: Served, issuer: SigningIn, chromium: Chromium
) -> None:
    # Of another site than the issuer, as Chromium sees it: SameSite and the page's policy count.
    url = desk.url.replace("127.0.0.1", "localhost")
    with opened(chromium, url, beside=issuer.url.removesuffix("/realm")) as page:
        page.goto("/inbox")
        page.get_by_role("link", name=BUTTON).click()
        expect(page).to_have_url(f"{url}/inbox")
        expect(page.get_by_text("ada, user")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name=BUTTON)).to_be_visible()
        page.goto("/inbox")
        expect(page.get_by_label("Token")).to_be_visible()
