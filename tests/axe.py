"""What axe finds wrong with a page for those who see, hear or move otherwise
(https://github.com/dequelabs/axe-core)."""

from functools import cache
from importlib.resources import files

from playwright.sync_api import Frame, Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""The rules that are tried: WCAG 2.2 to level AA, and what axe advises beyond it."""


def violations(shown: Page | Frame) -> list[str]:
    """Return which rules a page breaks, and with which element, once nothing moves any more."""
    shown.evaluate(
        "() => Promise.allSettled(document.getAnimations().map((each) => each.finished))"
    )
    shown.evaluate(_script())
    found = shown.evaluate(
        "(tags) => axe.run({ runOnly: tags, resultTypes: ['violations'] })", [*TAGS]
    )
    return [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]


@cache
def _script() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()
