"""How the apps look: as their chat does, to everyone, and whatever others wrote."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Frame, expect

from tests.apps.chat import Chat
from tests.apps.conftest import Shop

pytestmark = pytest.mark.proof

TOOLS = ("get_overview", "list_suggestions", "get_ticket")
THEMES = ("light", "dark")
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
COLOURS = {
    "--color-background-primary": "rgb(1, 2, 3)",
    "--color-background-secondary": "rgb(4, 5, 6)",
    "--color-text-primary": "rgb(250, 251, 252)",
    "--color-text-secondary": "rgb(200, 200, 200)",
    "--color-border-primary": "rgb(90, 90, 90)",
    "--color-text-info": "rgb(150, 200, 250)",
    "--color-text-success": "rgb(150, 250, 150)",
    "--color-text-warning": "rgb(250, 200, 100)",
    "--color-text-danger": "rgb(250, 150, 150)",
}
HOSTILE = (
    "<script>alert(1)</script> and some more",
    "<img src=x onerror=alert(1)> and some more",
    "</template></script><script>parent.alert(1)</script>",
    '"><svg/onload=alert(1)> and some more',
    "javascript:alert(document.domain)",
    "https://evil.example/%3Cscript%3E",
    "https://evil.example\\@<b>x</b>",
    "{{ 7 * 7 }} ${alert(1)} and some more",
)


def fill(shop: Shop, chat: Chat, text: str = "Some words about it, long enough") -> str:
    """Put something into every place that the apps have; return a ticket's reference."""
    others = {"suggested_resolution": text, "implementation_notes": text}
    ticket = shop.file_ticket(
        title=text[:140], description=text, evidence={text[:50]: text, "in": [text]}, **others
    )
    held = shop.file_ticket(title=text[:140], priority="high", blocking=True)
    shop.post(f"/tickets/{held}/take", {"role": "backend", "note": text}, chat.token)
    for number in (1, 2):
        shop.post(f"/tickets/{ticket}/messages", {"body": f"{text} {number}", "to_role": "backend"})
    shop.suggest(ticket, evidence={text[:50]: text}, repo="acme/shop", pr_number=7)
    shop.suggest(held, evidence={"in": {"deep": [text]}})
    return ticket


def arguments(tool: str, ticket: str) -> dict[str, Any]:
    return {"ticket": ticket} if tool == "get_ticket" else {}


@pytest.mark.parametrize("theme", THEMES)
def test_everyone_can_use_the_apps(shop: Shop, chat: Chat, theme: str) -> None:
    ticket = fill(shop, chat)
    for tool in TOOLS:
        app = chat.show(tool, arguments(tool, ticket), context={"theme": theme})
        expect(app.locator("#said")).to_be_empty()
        assert violations(chat.frame) == []


def test_the_theme_is_the_chats_whatever_the_systems_is(shop: Shop, chat: Chat) -> None:
    grounds = dict[str, str]()
    for system in THEMES:
        chat.page.emulate_media(color_scheme=system)
        for theme in THEMES:
            chat.show("get_overview", context={"theme": theme})
            grounds[f"{theme} in {system}"] = ground(chat)
    assert grounds["dark in light"] == grounds["dark in dark"]
    assert grounds["light in dark"] == grounds["light in light"]
    assert grounds["dark in dark"] != grounds["light in light"]


def test_a_change_of_the_theme_is_followed(shop: Shop, chat: Chat) -> None:
    chat.show("get_overview", context={"theme": "light"})
    light = ground(chat)
    chat.tell(theme="dark")
    chat.frame.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    assert ground(chat) != light


def test_the_chats_colours_are_taken_all_or_none(shop: Shop, chat: Chat) -> None:
    chat.show("get_overview")
    own = ground(chat)
    chat.show("get_overview", context={"styles": {"variables": COLOURS}})
    assert ground(chat) == COLOURS["--color-background-primary"]
    some = {name: value for name, value in COLOURS.items() if name != "--color-text-danger"}
    chat.show("get_overview", context={"styles": {"variables": some}})
    assert ground(chat) == own


def test_nothing_stands_in_the_unsafe_area(shop: Shop, chat: Chat) -> None:
    chat.show("get_overview")
    before = padding(chat)
    chat.tell(safeAreaInsets={"top": 20, "right": 0, "bottom": 30, "left": 10})
    chat.frame.wait_for_function(
        "() => document.documentElement.style.getPropertyValue('--inset-left') === '10px'"
    )
    assert [after - was for after, was in zip(padding(chat), before, strict=True)] == [
        20,
        0,
        30,
        10,
    ]


def test_times_are_those_of_the_chats_reader(shop: Shop, chat: Chat) -> None:
    ticket = shop.file_ticket()
    told = dict[str, str]()
    for zone in ("UTC", "Asia/Tokyo", "Nowhere"):
        app = chat.show("get_ticket", {"ticket": ticket}, context={"timeZone": zone})
        told[zone] = app.locator("time").first.inner_text()
    assert "UTC" in told["UTC"]
    assert "GMT+9" in told["Asia/Tokyo"]
    assert told["Nowhere"].endswith("Z")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_frame_grows_with_its_app_and_a_narrow_one_holds_it(
    shop: Shop, chat: Chat, tool: str
) -> None:
    ticket = fill(shop, chat, "wide" * 34)
    chat.page.set_viewport_size({"width": 320, "height": 640})
    app = chat.show(tool, arguments(tool, ticket))
    expect(app.locator("#said")).to_be_empty()
    chat.frame.wait_for_function(
        "() => document.documentElement.scrollHeight <= innerHeight"
        " && document.documentElement.scrollWidth <= innerWidth"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_does_nothing(shop: Shop, chat: Chat, text: str) -> None:
    ticket = fill(shop, chat, text)
    for tool in TOOLS:
        app = chat.show(tool, arguments(tool, ticket))
        expect(app.locator("#said")).to_be_empty()
        expect(app.get_by_text(text[:50]).first).to_be_visible()
        made = "script:not([type=module]), img, svg, b, iframe, [onerror], [onload]"
        assert app.locator(made).count() == 0
        for link in app.locator("a").all():
            assert (link.get_attribute("href") or "").startswith("https://evil.example/")
    assert chat.page.frames[1:] == [chat.frame]


def violations(frame: Frame) -> list[str]:
    """Return what axe finds in a frame: the rules that are broken, and where."""
    frame.evaluate(AXE)
    found = frame.evaluate("() => axe.run({ resultTypes: ['violations'] })")
    return [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]


def ground(chat: Chat) -> str:
    return chat.frame.evaluate("() => getComputedStyle(document.body).backgroundColor")


def padding(chat: Chat) -> list[int]:
    """Return how far the text stands from the top, the right, the bottom and the left."""
    read = "() => { const of = getComputedStyle(document.querySelector('main')); return SIDES }"
    sides = (f"parseInt(of.padding{side})" for side in ("Top", "Right", "Bottom", "Left"))
    return chat.frame.evaluate(read.replace("SIDES", f"[{', '.join(sides)}]"))
