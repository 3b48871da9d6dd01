"""What others wrote, in every place and on every page of a real browser: it does nothing, and
nothing comes apart."""

import csv
import io
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, StorageState, expect

from mcp_handoff.text.characters import visible
from tests.chromium import opened
from tests.portal.browser import Browser
from tests.portal.hostile import TEXTS, Hostile
from tests.portal.layout import DESKTOP, PHONE, misplaced
from tests.portal.scene import People, Scene
from tests.portal.screenshots import sign_in

pytestmark = pytest.mark.proof

ADDRESSES = (
    *("/?project=", "/?query=", "/?author=", "/?taken_by=", "/?role=", "/?after_backlog="),
    *("/tickets/", "/tickets/HO-1?after=", "/inbox?after=", "/inbox?roles=1&role="),
    *("/builds?status=", "/builds?cursor=", "/people?project=", "/new/similar?title="),
    *("/activity?author=", "/activity?cursor=", "/activity?ticket=", "/activity/"),
    *("/sign-in?next=", "/static/", "/settings/"),
)
"""Where an address takes what anybody writes into it."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet computes, also in the full width of East Asian texts
(https://owasp.org/www-community/attacks/CSV_Injection)."""

STRANGE = """() => {
  const ours = `${location.origin}/static/portal.js?`;
  const strange = [...document.scripts].filter((one) => !one.src.startsWith(ours));
  const made = 'iframe, img, object, embed, style, svg, math, base, meta[http-equiv], frame, video,'
    + ' audio, [style], link:not([rel=stylesheet], [rel=icon])';
  strange.push(...document.querySelectorAll(made));
  for (const one of document.querySelectorAll('*')) {
    if (one.getAttributeNames().some((name) => name.startsWith('on'))) strange.push(one);
    if (one.localName === 'a' && one.hasAttribute('href')
        && !/^(https?|mailto):$/.test(one.protocol)) strange.push(one);
    const to = one.localName === 'form' && new URL(one.getAttribute('action') ?? '', location);
    if (to && to.origin !== location.origin) strange.push(one);
  }
  return strange.map((one) => one.outerHTML.slice(0, 200));
}"""
"""Finds what no page of ours has: elements, attributes and addresses that others brought in."""


@pytest.fixture(scope="module")
def hostile(people: People) -> Hostile:
    return Hostile(people.project())


@pytest.fixture(scope="module")
def root(people: People, chromium: Chromium) -> StorageState:
    """The session of an admin."""
    with opened(chromium, people.desk.url) as page:
        sign_in(page, people.desk.token)
        return page.context.storage_state()


@pytest.fixture
def page(hostile: Hostile, chromium: Chromium, root: StorageState) -> Iterator[Page]:
    """A page of the admin, who looks at the project with the texts."""
    with opened(chromium, hostile.scene.url, storage_state=root) as page:
        yield page


def check(page: Page) -> None:
    """Look whether a page is all ours and holds together, on a desktop and on a phone."""
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert page.evaluate(STRANGE) == []
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        assert misplaced(page) == [], size


@pytest.mark.parametrize(
    "address", ["/", "/inbox", "/activity", "/builds", "/people", "/settings", "/new"]
)
def test_a_page_full_of_such_texts_holds_together(
    hostile: Hostile, page: Page, address: str
) -> None:
    response = page.goto(f"{address}?project={hostile.scene.project}")
    assert response
    assert response.ok
    check(page)


def test_the_board_shows_each_title_as_it_was_written(hostile: Hostile, page: Page) -> None:
    page.goto(hostile.scene.board)
    shown = set(page.locator(".card h3 bdi").all_text_contents())
    written = {hostile.scene.read(name)["title"] for name in hostile.tickets}
    assert shown <= {visible(title) for title in written}
    assert len(shown) > 20


def test_a_ticket_of_such_texts_holds_together(hostile: Hostile, page: Page) -> None:
    for name in hostile.tickets:
        page.goto(f"/tickets/{name}")
        check(page)


def test_so_does_the_drawer(hostile: Hostile, page: Page) -> None:
    page.goto(hostile.scene.board)
    for name in hostile.tickets[1:6]:
        page.set_viewport_size(DESKTOP)
        page.locator(f"#card-{name} [data-drawer]").evaluate("(link) => link.click()")
        expect(page.get_by_role("dialog").locator("h1")).to_be_visible()
        check(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).not_to_be_visible()


def test_what_is_looked_for_does_nothing_whatever_it_is(hostile: Hostile, page: Page) -> None:
    for text in TEXTS[::4]:
        page.goto(f"{hostile.scene.board}&query={quote(text[:150])}&author={quote(text[:150])}")
        check(page)


def test_similar_tickets_are_shown_as_they_are_called(hostile: Hostile, page: Page) -> None:
    page.goto(f"/new?project={hostile.scene.project}")
    for text in (TEXTS[1], TEXTS[10], TEXTS[22]):
        with page.expect_response("**/new/similar*"):
            page.get_by_label("Title").fill(" ".join(text.split())[:140])
        check(page)
    expect(page.locator("#similar bdi").first).to_be_visible()


def test_what_is_refused_is_told_in_our_own_words(hostile: Hostile, page: Page) -> None:
    text = quote((TEXTS[0] + TEXTS[2] + TEXTS[10]).replace("/", "\\"), safe="")
    for address in (f"/?role={text}", f"/tickets/{text}", f"/activity?topic={text}"):
        page.goto(address)
        expect(page.locator("[data-refused]")).to_be_visible()
        check(page)
    page.context.clear_cookies()
    for text in TEXTS[::9]:
        page.goto(f"/sign-in?next={quote(text, safe='')}")
        page.get_by_label("Token").fill(text)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        check(page)


def test_no_address_breaks_a_page(hostile: Hostile) -> None:
    with Browser(hostile.desk) as browser:
        browser.sign_in(hostile.desk.token)
        for text in (*TEXTS[18::3], "\U0001f469 and \x85", "a" * 3000):
            for address in ADDRESSES:
                answer = browser.http.get(address + quote(text, safe=""), follow_redirects=False)
                assert answer.status_code < 500, (address, text)


def test_a_card_that_shows_itself_does_nothing_more(scene: Scene, page: Page) -> None:
    page.goto(scene.board)
    expect(page.locator("#title-backlog")).to_contain_text("0")
    for text in TEXTS[-19:]:
        name = scene.file(title=" ".join(text.split())[:140], description=text, priority="high")
        scene.send("mia", "PATCH", f"/tickets/{name}", stage="up_next")
    expect(page.locator("#stage-up_next .card")).to_have_count(19)
    check(page)


def test_no_cell_that_is_taken_away_is_a_formula(hostile: Hostile) -> None:
    with Browser(hostile.desk) as browser:
        browser.sign_in(hostile.desk.token)
        address = f"/activity/events.{{}}?project={hostile.scene.project}"
        taken = browser.http.get(address.format("csv"))
        events = browser.http.get(address.format("json")).json()
    assert taken.headers["content-disposition"].startswith("attachment;")
    rows = [*csv.DictReader(io.StringIO(taken.text, newline=""))]
    assert [row["created_at"] for row in rows] == [event["created_at"] for event in events]
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(FORMULA), cell
    assert any(row["who"].startswith("'=HYPERLINK") for row in rows)
