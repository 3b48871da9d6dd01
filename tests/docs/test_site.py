"""The docs site, as `make docs` builds it."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import get_args

import pytest
from playwright.sync_api import Browser, expect

from mcp_handoff.cli.commands import COMMANDS
from mcp_handoff.events import EventKind
from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.rest.envelopes import STATUSES
from mcp_handoff.variables import VARIABLES
from tests.chromium import opened
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once; whatever MkDocs warns of fails."""
    built = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(built)],
        cwd=ROOT,
        timeout=TIMEOUT,
        check=True,
    )
    return built


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    serving = Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


class _Assets(HTMLParser):
    """What a page loads from elsewhere as soon as it is opened."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loaded = [
            value
            for name, value in attrs
            if name in ("src", "srcset") or (name == "href" and tag == "link")
        ]
        self.foreign += [one for one in loaded if one and ("://" in one or one.startswith("//"))]


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    assert {str(page): found for page in pages if (found := _Assets(page).foreign)} == {}


def test_a_reader_finds_a_tool_without_another_host(address: str, chromium: Browser) -> None:
    with opened(chromium, address) as page:
        page.goto("/index.html")
        page.keyboard.press("f")
        page.keyboard.type("act_on_suggestion")
        found = page.locator(".md-search-result__item a").first
        expect(found).to_be_visible()
        found.click()
        expect(page.locator("article")).to_contain_text("act_on_suggestion")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tools", [tool.name for tool in TOOLS]),
        ("commands", list(COMMANDS)),
        ("environment", list(VARIABLES)),
        ("errors", list(STATUSES)),
        (
            "metrics",
            ["handoff_calls_total", "handoff_call_seconds", "outcome", "<code>code</code>"],
        ),
        ("events", list(get_args(EventKind))),
        ("rest", ["/api/projects/{id}/tickets", "/api/runs/{run_id}/report", "TriggeredTicket"]),
    ],
)
def test_the_reference_tells_all_that_there_is(site: Path, name: str, told: list[str]) -> None:
    page = (site / "reference" / f"{name}.html").read_text("utf-8")
    assert [word for word in told if word not in page] == []
