"""What the pages do with a script, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.chromium import opened
from tests.portal.scene import Scene
from tests.portal.screenshots import sign_in

pytestmark = pytest.mark.proof


@pytest.fixture
def mia(scene: Scene, chromium: Browser) -> Iterator[Page]:
    """A user who is signed in, at an empty board."""
    with opened(chromium, scene.url) as page:
        sign_in(page, scene.tokens["mia"], scene.board)
        yield page


def card(page: Page, title: str) -> Locator:
    return page.locator(".card", has_text=title)


def test_a_ticket_that_an_agent_files_shows_itself(scene: Scene, mia: Page) -> None:
    scene.file()
    expect(card(mia, "Checkout fails")).to_be_visible()
    expect(mia.locator("#title-backlog")).to_contain_text("1")


def test_a_card_that_changes_shows_its_holder_and_goes_to_its_column(
    scene: Scene, mia: Page
) -> None:
    name = scene.file()
    expect(card(mia, "Checkout fails")).to_be_visible()
    scene.take("claude", name, "backend")
    expect(mia.locator("#stage-in_progress .holder")).to_have_text("backend: claude (bot)")
    expect(mia.locator("#title-backlog")).to_contain_text("0")
    expect(mia.locator("#title-in_progress")).to_contain_text("1")


def test_a_card_is_dragged_to_another_column(scene: Scene, mia: Page) -> None:
    name = scene.file()
    card(mia, "Checkout fails").drag_to(mia.locator("#stage-up_next"))
    expect(mia.locator("#stage-up_next .card")).to_have_count(1)
    assert scene.read(name)["stage"] == "up_next"


def test_a_card_is_moved_by_keys_and_keeps_the_focus(scene: Scene, mia: Page) -> None:
    name = scene.file()
    card(mia, "Checkout fails").get_by_role("link").first.focus()
    mia.keyboard.press("Shift+ArrowRight")
    expect(mia.locator("#stage-up_next .card")).to_have_count(1)
    expect(card(mia, "Checkout fails").get_by_role("link").first).to_be_focused()
    assert scene.read(name)["stage"] == "up_next"


def test_a_move_that_is_refused_says_why_and_the_card_stays(scene: Scene, mia: Page) -> None:
    name = scene.file()
    expect(card(mia, "Checkout fails")).to_be_visible()
    mia.route("**/changes*", lambda _: None)  # it waits for what never comes
    mia.reload()
    closing = {"status": "closed", "resolution_type": "cancelled", "resolution_note": "No."}
    scene.send("bob", "PATCH", f"/tickets/{name}", **closing)
    card(mia, "Checkout fails").drag_to(mia.locator("#stage-validation"))
    expect(mia.get_by_role("alert")).to_contain_text("was changed")
    assert scene.read(name)["stage"] == "live"


def test_a_ticket_opens_over_the_board_and_back_closes_it(scene: Scene, mia: Page) -> None:
    name = scene.file()
    card(mia, "Checkout fails").get_by_role("link").first.click()
    drawer = mia.get_by_role("dialog")
    expect(drawer.get_by_role("paragraph").get_by_text("It answers 500.")).to_be_visible()
    assert mia.url.endswith(f"/tickets/{name}")
    drawer.get_by_role("button", name="Take").click()
    expect(drawer.locator(".holder")).to_have_text("backend: mia (user)")
    mia.go_back()
    expect(drawer).not_to_be_visible()
    expect(mia.locator("#stage-in_progress .card")).to_have_count(1)
    assert mia.url == f"{scene.url}{scene.board}"


def test_a_field_of_the_drawer_is_reached_by_its_label(scene: Scene, mia: Page) -> None:
    name = scene.file()
    card(mia, "Checkout fails").get_by_role("link").first.click()
    drawer = mia.get_by_role("dialog")
    drawer.get_by_label("Priority").select_option("high")
    drawer.locator("#change").get_by_role("button", name="Save").click()
    expect(drawer.locator("#ticket-head .priority")).to_have_text("high")
    assert scene.read(name)["priority"] == "high"


def test_what_the_drawer_refuses_keeps_what_was_written(scene: Scene, mia: Page) -> None:
    name = scene.file()
    card(mia, "Checkout fails").get_by_role("link").first.click()
    drawer = mia.get_by_role("dialog")
    drawer.locator("#close summary").click()
    drawer.locator("#close").get_by_label("Why").fill("It is done, I think.")
    drawer.locator("#close").get_by_role("button", name="Close").click()
    expect(mia.get_by_role("alert")).to_contain_text("backend")
    expect(drawer.locator("#close").get_by_label("Why")).to_have_value("It is done, I think.")
    assert scene.read(name)["status"] == "open"
