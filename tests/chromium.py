"""A real browser: Chromium, without a window."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.mcp.wire import TIMEOUT

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
"""No sandbox, for the tests may run as root; and no calls home."""

STATUS = "Failed to load resource: the server responded with a status"
"""How the console tells of a response that was refused, which tests look at themselves."""

UNREACHABLE = "Failed to load resource"
"""How it tells of that and of a server that can't be reached."""


expect.set_options(timeout=TIMEOUT * 1000)


@contextmanager
def launched() -> Generator[Browser]:
    """Start the system's Chromium; skip a test where there is none, in CI a failure."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        told("Chromium is not installed; the tests of pages take it from the system's packages.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    url: str,
    *,
    beside: str | None = None,
    admitted: str = STATUS,
    **options: Any,
) -> Generator[Page]:
    """Open a page for somebody whose browser knows nothing yet, of what is served at `url`.

    It fails in the end if anything was done that none of our pages may do: an error that no script
    caught, something that the Content-Security-Policy forbade, a dialog, a request to another host
    than the one `beside`. What the console tells that begins with `admitted` is no error.
    """
    origins = tuple(f"{origin}/" for origin in (url, beside) if origin)
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(TIMEOUT * 1000)
    page = context.new_page()
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(admitted):
            wrong.append(message.text)

    def dismiss(dialog: Dialog) -> None:
        wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def look(request: Request) -> None:
        if not request.url.startswith((*origins, "data:", "blob:")):
            wrong.append(f"a request to {request.url}")

    page.on("console", hear)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", dismiss)
    page.on("request", look)
    try:
        yield page
    finally:
        context.close()
    assert wrong == []
