"""What a person does on the pages in a real browser, with its own rules for cookies and forms."""

import pytest
from playwright.sync_api import Browser, expect

from tests.chromium import opened
from tests.http.served import Served, make_token

pytestmark = pytest.mark.proof


def test_a_person_signs_in_files_a_ticket_and_signs_out(desk: Served, chromium: Browser) -> None:
    with opened(chromium, desk.url) as page:
        page.goto("/new")
        page.get_by_label("Token").fill(make_token(desk.store, "mia", "user"))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Title").fill("The invoice charges twice")
        page.get_by_label("Description").fill("Pay, go back, and pay.")
        page.get_by_role("button", name="File it").click()
        expect(page).to_have_url(f"{desk.url}/tickets/HO-1-shop")
        expect(page.get_by_role("heading", name="The invoice charges twice")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        page.goto("/inbox")
        expect(page).to_have_url(f"{desk.url}/sign-in?next=%2Finbox")
