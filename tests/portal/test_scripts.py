"""What the pages do with a script, in a real browser."""

from playwright.sync_api import Browser, expect

from tests.chromium import opened
from tests.http.served import Served, make_token


def test_a_person_signs_in_and_sees_the_board(desk: Served, chromium: Browser) -> None:
    with opened(chromium, desk.url) as page:
        page.goto("/")
        page.get_by_label("Token").fill(make_token(desk.store, "mia", "user"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Board")).to_be_visible()
