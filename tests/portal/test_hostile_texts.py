"""What others wrote does nothing on a page."""

import pytest

from tests.portal.browser import Browser
from tests.portal.scene import Scene

TEXTS = (
    "<script>alert(1)</script> and some more",
    "<img src=x onerror=alert(1)> and some more",
    '"><svg/onload=alert(1)> and some more',
    "[a link](javascript:alert(1)) and more",
    "![an image](https://evil.example/x.png) and more",
    "<a href='jAvAsCrIpT:alert(1)'>here</a> and more",
    "{{ 7 * 7 }} {% include '/etc/passwd' %} more",
    "</title></textarea><style>*{display:none}</style>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<form action=https://evil.example><input name=token></form>",
    "\u202eevil\u202c \x1b[31mred and some more",
)
OTHERS = {"base", "embed", "iframe", "img", "object", "style", "svg"}


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_of_a_ticket_becomes_markup_that_acts(
    scene: Scene, mia: Browser, text: str
) -> None:
    name = scene.file(
        title=text[:140],
        description=text,
        suggested_resolution=text,
        implementation_notes=text,
        evidence={text[:50]: text, "nested": {"deep": [text]}},
    )
    scene.send("claude", "POST", f"/tickets/{name}/messages", body=text)
    scene.suggest(name, found=text)
    for address in ("/", "/inbox", f"/tickets/{name}", "/?query=" + name, "/new"):
        page = mia.visit(address)
        assert page.response.status_code == 200
        assert OTHERS.isdisjoint(tag for tag, _ in page.tags), address
        [script] = [attributes for tag, attributes in page.tags if tag == "script"]
        assert script["src"].startswith("/static/portal.js?")
        for tag, attributes in page.tags:
            assert not any(attribute.startswith("on") for attribute in attributes)
            target = attributes.get("href", attributes.get("action", attributes.get("src", "/")))
            known = ("/", "#", "data:,", "http://", "https://", "")
            assert target.lower().startswith(known), (tag, target)
            assert tag != "form" or target.startswith("/") or not target
        assert "\u202e" not in page.response.text
        assert "\x1b" not in page.response.text


def test_a_page_runs_no_script_of_others_and_stands_in_no_frame(mia: Browser) -> None:
    headers = mia.visit("/").response.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store"


def test_the_style_is_kept_for_ever_by_its_content(mia: Browser) -> None:
    page = mia.visit("/")
    [address] = [named["href"] for _, named in page.tags if named.get("rel") == "stylesheet"]
    style = mia.http.get(address)
    assert (style.status_code, "immutable" in style.headers["cache-control"]) == (200, True)
    assert len(style.content) + len(page.response.content) < 60_000
