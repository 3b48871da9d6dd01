"""The page at /api/docs in a real browser: who signs in there can try the calls out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import opened
from tests.http.served import Served, make_project, make_token

pytestmark = pytest.mark.proof


@pytest.fixture
def desk(store: Path) -> Iterator[Served]:
    """A server that asks for tokens."""
    token = make_token(store, "mia", "user")
    make_project(store, "shop")
    with Served(store, token=token) as running:
        yield running


def authorize(page: Page, token: str) -> None:
    """Sign in with a token, as the page asks for it."""
    page.get_by_role("button", name="Authorize").first.click()
    asked = page.locator(".auth-container")
    asked.get_by_label("auth-bearer-value").fill(token)
    asked.get_by_role("button", name="Apply credentials").click()
    asked.get_by_role("button", name="Close").click()


def test_a_call_that_is_tried_out_sends_the_token_that_one_signed_in_with(
    desk: Served, chromium: Browser
) -> None:
    with opened(chromium, desk.url) as page:
        page.goto("/api/docs")
        call = page.locator("#operations-projects-list_projects_projects_get")
        call.get_by_role("button").first.click()
        call.get_by_role("button", name="Try it out").click()
        for token, status, words in (
            (None, 401, "Send a token"),
            (desk.token, 200, '"slug": "shop"'),
        ):
            if token:
                authorize(page, token)
            with page.expect_response("**/api/projects*") as called:
                call.get_by_role("button", name="Execute").click()
            assert called.value.status == status
            answer = call.locator(".live-responses-table")
            expect(answer.get_by_text(str(status)).first).to_be_visible()
            expect(answer).to_contain_text(words)


def test_nobody_else_shows_the_page_or_holds_on_to_it(desk: Served) -> None:
    headers = desk.http.get("/api/docs").headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
