"""The links of the texts in a repository, as its web pages lead them."""

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pyromark

from website.hooks import REFERENCE, REPOSITORY

_OURS = re.compile(rf"{re.escape(REPOSITORY)}/(?:blob|tree|raw)/[^/]+/")


class Text(HTMLParser):
    """A page's links, and the anchors that it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self._heading: str | None = None
        self._headings = Counter[str]()
        self.feed(pyromark.html(page.read_text("utf-8"), options=pyromark.Options.ENABLE_TABLES))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src", "srcset"):
                self.links.append(value)
            if value and name in ("id", "name"):
                self.anchors.add(value)
        if re.fullmatch("h[1-6]", tag):
            self._heading = ""

    def handle_data(self, data: str) -> None:
        if self._heading is not None:
            self._heading += data

    def handle_endtag(self, tag: str) -> None:
        if self._heading is not None and re.fullmatch("h[1-6]", tag):
            self.anchors.add(self._anchor(self._heading))
            self._heading = None

    def _anchor(self, heading: str) -> str:
        """Return how GitHub names a heading, which says so nowhere: lower case, without
        punctuation, a hyphen for each space, and a number where there is one already."""
        name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        before = self._headings[name]
        self._headings[name] += 1
        return f"{name}-{before}" if before else name


def broken_links(root: Path, page: Path) -> Iterator[str]:
    """Yield the links of a page to what is not in the repository, or not on the page it names."""
    text = Text(page)
    for link in text.links:
        ours = _OURS.sub("", link)
        if ours == link and re.match(r"\w+:", link):
            continue  # to elsewhere
        path, _, anchor = unquote(ours).partition("#")
        target = (root if ours != link else page.parent).joinpath(path) if path else page
        if not _is_there(root, target):
            yield f"{page.relative_to(root)}: {link} is not there"
        elif anchor and target.is_file() and anchor not in Text(target).anchors:
            yield f"{page.relative_to(root)}: {link} names no heading"


def _is_there(root: Path, target: Path) -> bool:
    """Tell whether it is a file or a folder, or a page that the docs site makes."""
    made = [root / "docs" / name for name in REFERENCE]
    return target.exists() or target.resolve() in made
