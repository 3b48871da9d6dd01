"""What `make screenshots` makes: pictures of the pages, of a shop's desk on a working day."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize

from tests.chromium import launched, opened
from tests.portal.scene import People, Scene

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}


def sign_in(page: Page, token: str, address: str = "/") -> None:
    """Go to a page, by way of signing in with a token."""
    page.goto(address)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def take_pictures(browser: Browser, scene: Scene, names: list[str]) -> None:
    with opened(browser, scene.url, viewport=DESKTOP) as page:
        sign_in(page, scene.tokens["mia"], scene.board)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=FOLDER / f"board-{theme}.png")
        page.emulate_media(color_scheme="light")
        page.locator(f"#card-{names[0]} [data-drawer]").click()
        page.locator("#drawer .timeline").wait_for()
        page.screenshot(path=FOLDER / "ticket.png")
        page.goto("/inbox")
        page.screenshot(path=FOLDER / "inbox.png")
        page.set_viewport_size(PHONE)
        page.goto("/")
        page.screenshot(path=FOLDER / "phone.png")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        People.at(Path(folder) / "handoff.db") as people,
        launched() as browser,
    ):
        scene = people.project("shop")
        take_pictures(browser, scene, scene.play())


if __name__ == "__main__":
    main()
