"""Everyone can use the pages: with a keyboard, a screen reader, a phone, in light and in dark."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from tests.axe import violations
from tests.chromium import opened
from tests.http.served import Served
from tests.portal.layout import PHONE, misplaced
from tests.portal.scene import People, Scene
from tests.portal.screenshots import sign_in

pytestmark = pytest.mark.proof

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
PAGES = ("/", "/inbox", "/activity", "/builds", "/people", "/new")


@pytest.fixture(scope="module")
def played(people: People) -> tuple[Scene, list[str]]:
    """A project on a working day, and its tickets."""
    scene = people.project()
    return scene, scene.play()


@pytest.fixture(scope="module")
def sessions(people: People, chromium: Browser) -> Mapping[str, StorageState]:
    """The sessions of a user, a reader and an admin."""
    tokens = {**people.tokens, "root": people.desk.token}
    states = dict[str, StorageState]()
    for name in ("mia", "rita", "root"):
        with opened(chromium, people.desk.url) as page:
            sign_in(page, tokens[name])
            states[name] = page.context.storage_state()
    return states


@pytest.fixture
def mia(scene: Scene, chromium: Browser, sessions: Mapping[str, StorageState]) -> Iterator[Page]:
    """A user who is signed in, at an empty board."""
    with opened(chromium, scene.url, storage_state=sessions["mia"]) as page:
        page.goto(scene.board)
        yield page


def check(page: Page, address: str) -> None:
    """Try a page as it is, and with all that can be opened on it."""
    page.goto(address)
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert violations(page) == [], address


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("who", ["mia", "rita", "root"])
def test_axe_finds_nothing_on_any_page(
    played: tuple[Scene, list[str]],
    chromium: Browser,
    sessions: Mapping[str, StorageState],
    who: str,
    theme: Theme,
) -> None:
    scene, names = played
    seen = {"rita": set(PAGES) - {"/activity"}, "root": {*PAGES, "/settings"}}.get(who, PAGES)
    with opened(chromium, scene.url, storage_state=sessions[who], color_scheme=theme) as page:
        page.goto(scene.board)
        for address in (*seen, f"/tickets/{names[0]}", f"/tickets/{names[4]}", "/?role=nobody"):
            check(page, address)
        check(page, f"/tickets/{names[0]}")


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_what_opens_over_a_page(
    played: tuple[Scene, list[str]],
    chromium: Browser,
    sessions: Mapping[str, StorageState],
    theme: Theme,
) -> None:
    scene, names = played
    with opened(
        chromium, scene.url, storage_state=sessions["mia"], color_scheme=theme, viewport=PHONE
    ) as page:
        page.goto(scene.board)
        for name in (names[0], names[4], names[5]):
            drawer = open_drawer(page, name)
            drawer.evaluate(
                "(drawer) => drawer.querySelectorAll('details').forEach((one) => (one.open = true))"
            )
            assert violations(page) == [], name
            page.keyboard.press("Escape")
            expect(drawer).not_to_be_visible()
        page.get_by_role("button", name="Keys").click()
        assert violations(page) == []


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_before_one_has_signed_in(
    people: People, chromium: Browser, theme: Theme
) -> None:
    with opened(chromium, people.desk.url, color_scheme=theme) as page:
        check(page, "/sign-in")
        page.get_by_label("Token").fill("mho_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert violations(page) == []


def test_axe_finds_nothing_on_an_empty_desk_that_asks_nobody(
    store: Path, chromium: Browser
) -> None:
    with Served(store) as desk, opened(chromium, desk.url) as page:
        for address in (*PAGES, "/settings", "/tickets/HO-1-shop"):
            check(page, address)


def test_no_page_is_wider_than_a_phone(
    played: tuple[Scene, list[str]], chromium: Browser, sessions: Mapping[str, StorageState]
) -> None:
    scene, names = played
    with opened(
        chromium, scene.url, storage_state=sessions["root"], viewport=PHONE, has_touch=True
    ) as page:
        page.goto(scene.board)
        for address in (*PAGES, "/settings", *(f"/tickets/{name}" for name in names)):
            check(page, address)
            assert misplaced(page) == [], address


def test_the_first_key_leads_past_the_menu(played: tuple[Scene, list[str]], mia: Page) -> None:
    mia.goto(played[0].board)
    mia.keyboard.press("Tab")
    skip = mia.get_by_role("link", name="Skip to the page")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    mia.keyboard.press("Enter")
    mia.keyboard.press("Tab")
    assert mia.evaluate("() => document.activeElement.closest('main') !== null")


def test_whatever_has_the_focus_shows_that_it_does(
    played: tuple[Scene, list[str]], mia: Page
) -> None:
    mia.goto(played[0].board)
    unseen = list[str]()
    for _ in range(60):
        mia.keyboard.press("Tab")
        focused = mia.evaluate(
            """() => {
              const one = document.activeElement, style = getComputedStyle(one);
              if (one === document.body) return 'the end';
              const box = one.getBoundingClientRect();
              const shown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
                && box.width > 0 && box.bottom > 0 && box.top < innerHeight;
              return shown ? '' : one.outerHTML;
            }"""
        )
        if focused == "the end":
            break
        if focused:
            unseen.append(focused)
    assert unseen == []


def test_the_focus_stays_on_a_card_that_changes(scene: Scene, mia: Page) -> None:
    name = scene.file()
    link = card(mia, name).get_by_role("link").first
    link.focus()
    scene.take("claude", name, "backend")
    expect(card(mia, name).locator(".holder")).to_be_visible()
    expect(link).to_be_focused()
    move = card(mia, name).get_by_text("Move", exact=True)
    move.focus()
    scene.send("mia", "PATCH", f"/tickets/{name}", priority="high")
    expect(card(mia, name).locator(".priority")).to_have_text("high")
    expect(move).to_be_focused()


def test_a_card_that_leaves_the_board_hands_the_focus_on(scene: Scene, mia: Page) -> None:
    first, second = scene.file(), scene.file(title="Another one that fails")
    mia.goto(f"{scene.board}&priority=medium")
    card(mia, first).get_by_role("link").first.focus()
    scene.send("bob", "PATCH", f"/tickets/{first}", priority="low")
    expect(card(mia, first)).to_have_count(0)
    expect(card(mia, second).get_by_role("link").first).to_be_focused()


def test_the_drawer_keeps_the_focus_and_gives_it_back(scene: Scene, mia: Page) -> None:
    name = scene.file()
    link = card(mia, name).get_by_role("link").first
    link.focus()
    mia.keyboard.press("Enter")
    drawer = mia.get_by_role("dialog")
    expect(drawer).to_be_visible()
    for _ in range(30):
        mia.keyboard.press("Tab")
        assert mia.evaluate(
            "() => document.activeElement === document.body"
            " || document.activeElement.closest('#drawer') !== null"
        )
    scene.send("bob", "PATCH", f"/tickets/{name}", priority="high")
    expect(card(mia, name).locator(".priority")).to_have_text("high")
    mia.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()
    expect(link).to_be_focused()
    expect(mia).to_have_title(f"Board of {scene.project} · mcp-handoff")


def test_what_is_done_in_the_drawer_leaves_the_focus_there(scene: Scene, mia: Page) -> None:
    drawer = open_drawer(mia, scene.file())
    drawer.get_by_role("button", name="Take").focus()
    mia.keyboard.press("Enter")
    expect(drawer.locator(".holder")).to_be_visible()
    mia.wait_for_function(
        "() => { const one = document.activeElement;"
        " return one !== document.body && one.closest('#drawer') !== null; }"
    )


def test_single_letters_do_something_until_they_are_switched_off(scene: Scene, mia: Page) -> None:
    mia.keyboard.press("/")
    expect(mia.get_by_role("searchbox", name="Search tickets")).to_be_focused()
    mia.get_by_role("heading", name="Board").click()
    mia.keyboard.press("?")
    keys = mia.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    keys.get_by_role("checkbox").uncheck()
    mia.keyboard.press("Escape")
    mia.reload()
    for key in ("/", "?", "n"):
        mia.keyboard.press(key)
    expect(keys).not_to_be_visible()
    assert mia.url.endswith(scene.board)
    assert mia.evaluate("() => document.activeElement === document.body")
    mia.get_by_role("button", name="Keys").click()
    expect(keys.get_by_role("checkbox")).not_to_be_checked()


def test_nothing_moves_for_those_who_asked_for_that(scene: Scene, mia: Page) -> None:
    name = scene.file()
    expect(card(mia, name)).to_be_visible()
    mia.emulate_media(reduced_motion="reduce")
    scene.send("bob", "PATCH", f"/tickets/{name}", priority="high")
    expect(card(mia, name)).to_have_class("card changed")
    open_drawer(mia, name)
    assert mia.evaluate("() => document.getAnimations().length") == 0


def card(page: Page, name: str) -> Locator:
    return page.locator(f"#card-{name}")


def open_drawer(page: Page, name: str) -> Locator:
    """Open a ticket over the board."""
    card(page, name).get_by_role("link").first.click()
    drawer = page.get_by_role("dialog", name="Ticket")
    expect(drawer.locator("#ticket-head")).to_be_visible()
    return drawer
