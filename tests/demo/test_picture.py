"""The recording of the demo that the README shows."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import launched
from tests.demo.picture import DEMO, MOVING, PROMPT, STILL, draw
from tests.demo.recording import Line, record

pytestmark = pytest.mark.proof

SVG = "{http://www.w3.org/2000/svg}"
ENDS_WITH = "Nothing was changed."
OTHER_EACH_TIME = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z")


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return record(DEMO)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def test_a_recording_has_what_the_demo_says_with_its_colours_in_order(lines: list[Line]) -> None:
    said = [line.text for line in lines]
    assert said[0] == "mcp-handoff demo: one ticket, from filed to live"
    assert said[-2].endswith(ENDS_WITH)
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    marks = {run.text: run.style.colour for line in lines for run in line.runs if len(run.text) < 5}
    assert {"→": "cyan", "note": "brown"}.items() <= marks.items()


def test_the_pictures_say_what_the_demo_says_today(lines: list[Line]) -> None:
    now = [_words(line.text) for line in (PROMPT, *lines) if line.runs]
    for file in (MOVING, STILL):
        assert _said(file.read_text()) == now, "`make recording` makes the pictures anew"


def test_the_pictures_are_small_and_load_nothing() -> None:
    for file in (MOVING, STILL):
        picture = file.read_text()
        assert len(picture.encode()) < 50_000
        assert {
            element.tag.removeprefix(SVG) for element in ElementTree.fromstring(picture).iter()
        } <= {*("svg", "title", "style", "clipPath", "g", "rect", "text", "tspan")}
        assert "url(" not in picture.replace("url(#window)", "")
        assert "@import" not in picture


def test_lines_appear_one_after_another_and_the_end_stays_without_motion(
    browser: Browser, lines: list[Line]
) -> None:
    moving, still = (draw(lines, moving=moving) for moving in (True, False))
    with browser.new_page() as page:
        page.set_content(moving)
        _stop_at(page, 0)
        assert not _is_shown(page, ENDS_WITH)
        assert _is_shown(page, PROMPT.text)
        _stop_at(page, 0.99)
        assert _is_shown(page, ENDS_WITH)
        page.emulate_media(reduced_motion="reduce")
        assert _is_shown(page, ENDS_WITH)
        page.set_content(still)
        assert _is_shown(page, ENDS_WITH)


def _said(picture: str) -> list[str]:
    rows = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return [_words("".join(row.itertext())) for row in rows]


def _words(line: str) -> str:
    """Return a line without its spaces, and without what is another each time."""
    return OTHER_EACH_TIME.sub("…", "".join(line.split()))


def _stop_at(page: Page, part: float) -> None:
    page.evaluate(
        """part => document.getAnimations().forEach(animation => {
            animation.pause();
            animation.currentTime = part * animation.effect.getComputedTiming().duration;
        })""",
        part,
    )


def _is_shown(page: Page, text: str) -> bool:
    """Tell whether a line is inside the window and the cover is not over it."""
    row = page.locator("text", has_text=text).last.bounding_box()
    window = page.locator(".frame").bounding_box()
    cover = page.locator("#cover").bounding_box()
    assert row
    assert window
    assert cover
    top, bottom = row["y"], row["y"] + row["height"]
    return window["y"] <= top and bottom <= min(window["y"] + window["height"], cover["y"] + 1)
